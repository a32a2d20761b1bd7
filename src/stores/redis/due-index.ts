/**
 * Lists that are filled by chance seldom have more of the first items than their share and so many of its square roots.
 */
const DEVIATIONS = 5

/** What to take of many lists. */
export interface Wanted<T> {
  readonly limit: number
  /** How many lists there are. */
  readonly lists: number
  readonly order: (a: T, b: T) => number
  readonly fits?: (item: T) => boolean
}

/**
 * The first of all items of many lists, in one order. `heads` returns the first `count` items of each list, in that
 * order. A list is asked for its first ones only, for more when they turn out to be too few. Fewer than `limit`: there
 * are no more.
 */
export async function firstOf<T>(
  { limit, lists, order, fits = () => true }: Wanted<T>,
  heads: (count: number) => Promise<readonly (readonly T[])[]>,
): Promise<readonly T[]> {
  const share = limit / lists
  for (let count = Math.min(1 + Math.ceil(share + DEVIATIONS * Math.sqrt(share)), limit); ; count *= 2) {
    const found = await heads(count)
    const full = found.filter(({ length }) => length >= count)
    // After the last item of a full list there may be others that come first.
    const [horizon] = full.flatMap((items) => items.slice(-1)).sort(order)
    const first = found.flat().filter((item) => (horizon === undefined || order(item, horizon) <= 0) && fits(item))
    if (first.length >= limit || full.length === 0) return first.sort(order).slice(0, limit)
  }
}
