/** The middle of some samples, and where the middle half of them lies. */
export interface Spread {
  readonly median: number
  readonly q1: number
  readonly q3: number
  readonly n: number
}

/** @throws RangeError for no samples */
export function spread(samples: readonly number[]): Spread {
  if (samples.length === 0) throw new RangeError('Expected at least one sample.')
  const sorted = samples.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), q1: quantile(sorted, 0.25), q3: quantile(sorted, 0.75), n: sorted.length }
}

/** Whether two can't be told apart: the middle half of the samples of each reaches into that of the other. */
export function overlap(a: Spread, b: Spread): boolean {
  return a.q1 <= b.q3 && b.q1 <= a.q3
}

/** Between two samples, their weighted mean. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)] ?? 0
  const above = sorted[Math.ceil(place)] ?? below
  return below + (above - below) * (place - Math.floor(place))
}
