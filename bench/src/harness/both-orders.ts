/** What was measured of two things in one pair, in which each came first once. */
export interface Pair<T> {
  readonly base: readonly [T, T]
  readonly own: readonly [T, T]
}

/**
 * Measures two things in turns: what happens on the machine meanwhile meets both alike, and so does what coming first or second brings
 * along, because every pair is measured in both orders. The first pair only warms up, and those after it until `warmUpMs` are over:
 * code that runs for the first time is compiled meanwhile.
 */
export async function inBothOrders<T>(
  pairs: number,
  base: () => Promise<T>,
  own: () => Promise<T>,
  warmUpMs = 0,
): Promise<readonly Pair<T>[]> {
  const measured: Pair<T>[] = []
  const begun = performance.now()
  let warm = false
  while (measured.length < pairs) {
    const [base1, own1, own2, base2] = [await base(), await own(), await own(), await base()]
    if (warm) measured.push({ base: [base1, base2], own: [own1, own2] })
    warm ||= performance.now() - begun >= warmUpMs
  }
  return measured
}
