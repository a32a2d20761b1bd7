import { inspect } from 'node:util'

/**
 * Everything that can be printed of a value: `inspect` with all options, its text and its JSON. The JSON of tokens
 * and pending logins is left out, because it is meant to be stored. Errors include all their properties.
 */
export function viewsOf(value: unknown, options: { readonly json?: boolean } = {}): string[] {
  const views = new Set<string>()
  collect(value, views, new Set(), options.json ?? true)
  return [...views]
}

function collect(value: unknown, views: Set<string>, seen: Set<unknown>, json = true): void {
  if (typeof value === 'object' && value !== null) {
    if (seen.has(value)) return
    seen.add(value)
  }
  views.add(
    inspect(value, {
      showHidden: true,
      depth: Infinity,
      getters: true,
      maxStringLength: Infinity,
      maxArrayLength: Infinity,
    }),
  )
  views.add(inspect(value))
  views.add(textOf(() => String(value)))
  if (json) views.add(textOf(() => JSON.stringify(value) ?? ''))
  if (value instanceof Error) collectError(value, views, seen)
}

/**
 * The own properties of an error, also hidden ones, but not `token`, which is documented to carry the captured token.
 */
function collectError(error: Error, views: Set<string>, seen: Set<unknown>): void {
  for (const name of Reflect.ownKeys(error)) {
    if (name === 'token') {
      const { enumerable } = Object.getOwnPropertyDescriptor(error, name)!
      if (enumerable === true) views.add(JSON.stringify((error as { token?: unknown }).token))
      continue
    }
    views.add(String(name))
    collect((error as unknown as Record<string | symbol, unknown>)[name], views, seen)
  }
  views
    .add(error.message)
    .add(error.stack ?? '')
    .add(error.name)
  collect(error.cause, views, seen)
  if (error instanceof AggregateError) for (const each of error.errors) collect(each, views, seen)
}

function textOf(make: () => string): string {
  try {
    return make()
  } catch (error) {
    // A circular value cannot be printed and shows nothing.
    return error instanceof Error ? error.message : ''
  }
}
