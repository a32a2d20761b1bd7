import { inspect } from 'node:util'

/**
 * Whatever somebody may print who looks at a value: what `inspect` shows at its most curious, its text, and its JSON, except of
 * values whose JSON is there to be kept (tokens, pending log-ins). Of errors it is everything that hangs on them.
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

/** The own properties of an error, hidden ones too; but not `token`, which is documented to carry what was captured. */
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
    // What can't be printed (a circle) shows nothing.
    return error instanceof Error ? error.message : ''
  }
}
