/** An object whose members are read by name. */
export type Members = Readonly<Record<string, unknown>>

/** Reads a member of the object itself or of its class. What every object has (`constructor`) is not a member. */
export function member(object: Members, name: string): unknown {
  return Object.hasOwn(object, name) || !(name in Object.prototype) ? object[name] : undefined
}

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object, or the object in a list of one. */
export function oneObject(value: unknown): Members | undefined {
  if (Array.isArray(value)) return value.length === 1 && isObject(value[0]) ? value[0] : undefined
  return isObject(value) ? value : undefined
}

/** A non-empty string. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The first of these members that is a non-empty string. */
export function firstText(object: Members, names: readonly string[]): string | undefined {
  for (const name of names) {
    const found = textOf(member(object, name))
    if (found !== undefined) return found
  }
  return undefined
}

/** Copies without a prototype, so that a member named `__proto__` is only a member. */
export function bare<T>(...parts: readonly Readonly<Record<string, T>>[]): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, ...parts) as Record<string, T>
}
