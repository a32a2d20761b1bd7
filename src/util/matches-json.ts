/**
 * Whether a JSON value contains a pattern. An object must have each of the pattern's members, with a matching value. A
 * list must have a match for each element of the pattern's list. Anything else must be equal. Own members only.
 */
export function matchesJson(value: unknown, pattern: unknown): boolean {
  if (typeof pattern !== 'object' || pattern === null) return value === pattern
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && pattern.every((wanted) => value.some((element) => matchesJson(element, wanted)))
  }
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(pattern).every(
      ([name, wanted]) => Object.hasOwn(value, name) && matchesJson((value as Record<string, unknown>)[name], wanted),
    )
  )
}

/** Whether a value can be a pattern: JSON, with nothing undefined in it. */
export function isJsonPattern(value: unknown, depth = 0): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || depth > 20) return false
  if (Array.isArray(value)) return value.every((element) => isJsonPattern(element, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  // Plain objects, also those of another realm: a Date or a RegExp would be a pattern that matches everything.
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null
  return plain && Object.values(value).every((member) => isJsonPattern(member, depth + 1))
}
