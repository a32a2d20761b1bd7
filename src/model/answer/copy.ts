/** What lies deeper is left out of a token: whatever freezes, compares or writes the token must never fail for a member of it. */
const DEEPEST = 100

/** No answer has more parts; an object whose parts refer to each other may. */
const MOST = 1_000_000

/** Whether a value is shallow and small enough to be walked through. */
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

/** A copy of what JSON can hold; undefined for what it can't: too deep, circular, a bigint, a function. */
export function jsonCopy(value: unknown): unknown {
  try {
    if (!isCopyable(value)) return undefined
    const json = JSON.stringify(value) as string | undefined
    return json === undefined ? undefined : (JSON.parse(json) as unknown)
  } catch {
    return undefined
  }
}
