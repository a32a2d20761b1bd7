/** Randomly filled lists rarely contain more of the first items than their share plus this many of its square roots. */
const DEVIATIONS = 5

/** What to take from many lists. */
export interface Wanted<T> {
  readonly limit: number
  /** Number of lists. */
  readonly lists: number
  readonly order: (a: T, b: T) => number
  readonly fits?: (item: T) => boolean
}

/**
 * Returns the first of all items of many lists, in one order. `heads` returns the first `count` items of each list, in
 * that order. Each list is asked for its first ones only, and for more if those are too few. Fewer than `limit`: there
 * are no others.
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
