/**
 * Every copy of the library marks its classes with it, so that an object of another copy is distinguished from a
 * stranger's.
 */
const BRAND = Symbol.for('evergrant.class')

/** Marks a class of this library. */
export function brand(type: { readonly prototype: object }, name: string): void {
  Object.defineProperty(type.prototype, BRAND, { value: name })
}

/**
 * Describes a value that is not an object of this copy: if another copy of the library made it, what it is and what to
 * do, as a sentence for an error.
 */
export function ofAnotherCopy(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  let name: unknown
  try {
    name = (value as { [BRAND]?: unknown })[BRAND]
  } catch {
    return undefined
  }
  if (typeof name !== 'string') return undefined
  return (
    `This ${name} was made by another copy of the library, which this one cannot use. The application has loaded 'evergrant' twice: ` +
    "see 'npm ls evergrant' and keep one version, and let the bundler leave 'evergrant' and all its entries outside of the bundle, or inside."
  )
}
