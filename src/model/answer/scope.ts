/** The values of a scope string: separated by the provider's separator or by spaces. */
export function splitScope(scope: string, separator: string | undefined): readonly string[] {
  return scope
    .split(separator ?? ' ')
    .flatMap((part) => part.split(/\s+/))
    .filter((part) => part !== '')
}

/** A scope as a list or as a string; an empty one says no more than none. What is stored may have commas, as some providers and Better Auth write it. */
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
