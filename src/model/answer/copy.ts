/**
 * Values deeper than this are left out of a token. Freezing, comparing or writing the token must never fail for one
 * member.
 */
const DEEPEST = 100

/** No response has more parts. An object whose parts refer to each other may. */
const MOST = 1_000_000

/** Whether a value is shallow and small enough to be traversed. */
export function isCopyable(value: unknown): boolean {
  let parts = 0
  const fits = (part: unknown, depth: number): boolean => {
    if (typeof part !== 'object' || part === null) return true
    parts += 1
    if (depth > DEEPEST || parts > MOST) return false
    return Object.values(part).every((each) => fits(each, depth + 1))
  }
  return fits(value, 1)
}

/** Copies what JSON can hold. Returns undefined for anything else: too deep, circular, a bigint, a function. */
export function jsonCopy(value: unknown): unknown {
  try {
    if (!isCopyable(value)) return undefined
    const json = JSON.stringify(value) as string | undefined
    return json === undefined ? undefined : (JSON.parse(json) as unknown)
  } catch {
    return undefined
  }
}
