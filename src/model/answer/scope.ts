/** Splits a scope string at the provider's separator and at spaces. */
export function splitScope(scope: string, separator: string | undefined): readonly string[] {
  return scope
    .split(separator ?? ' ')
    .flatMap((part) => part.split(/\s+/))
    .filter((part) => part !== '')
}

/**
 * Reads a scope from a list or a string. An empty one counts as none. A stored one may have commas, as some providers
 * and Better Auth write it.
 */
export function readScope(
  value: unknown,
  separator: string | undefined,
  stored: boolean,
): readonly string[] | undefined {
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value]
  const values = parts.flatMap((part) =>
    typeof part === 'string' ? splitScope(stored ? part.replaceAll(',', ' ') : part, separator) : [],
  )
  return values.length === 0 ? undefined : values
}
