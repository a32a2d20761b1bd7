const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads a duration such as `500ms`, `60s`, `5m`, `1h` or `2d` as milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = unit === undefined ? undefined : unitMs[unit]
  return factor === undefined ? undefined : Number(amount) * factor
}

/** Writes milliseconds in the largest unit that leaves a whole number. */
export function formatDuration(ms: number): string {
  const units = Object.entries(unitMs).sort(([, a], [, b]) => b - a)
  const [unit, factor] = units.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1]
  return `${ms / factor}${unit}`
}
