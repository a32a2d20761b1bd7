import { toBase64 } from './base64.ts'

/** What replaces a secret. */
const MASK = '[redacted]'

/** Shorter values are not masked: replacing every `a` of a text would hide the text and protect nothing. */
const SHORTEST = 4

/** Maximum number of remembered values: a client that makes a new secret for each request must not grow forever. */
const MOST = 200

const DEEPEST = 6

/** The secrets of one client or one operation, by value: every text that leaves the library is masked by them. */
export class Secrets {
  readonly #parent: Secrets | undefined
  /**
   * Each secret with the forms in which it may appear, which are made when the first text is redacted: most operations
   * end without one.
   */
  readonly #forms = new Map<string, readonly string[] | undefined>()

  /** With a parent, its secrets count too. */
  constructor(parent?: Secrets) {
    this.#parent = parent
  }

  /** Remembers values that must not appear anywhere. Undefined and very short ones are ignored. */
  add(...values: readonly (string | undefined)[]): this {
    for (const value of values) {
      if (value === undefined || value.length < SHORTEST || this.#forms.has(value)) continue
      this.#forms.set(value, undefined)
      if (this.#forms.size > MOST) {
        const [oldest] = this.#forms.keys()
        if (oldest !== undefined) this.#forms.delete(oldest)
      }
    }
    return this
  }

  /**
   * Returns the text with every known secret masked, also if it is percent-encoded, form-encoded, JSON-escaped or in
   * base64.
   */
  redact(text: string): string {
    let result = text
    // Longest first: a secret that is the start of another must not leave the other's rest.
    for (const form of this.#all().sort((a, b) => b.length - a.length)) result = result.replaceAll(form, MASK)
    return result
  }

  /**
   * Rebuilds an error without secrets: name, redacted message and stack, code, and the same of its causes. Responses,
   * bodies and other properties of the original are left out.
   */
  cause(error: unknown, depth = 0): Error | undefined {
    if (error === undefined || error === null || depth > DEEPEST) return undefined
    if (typeof error === 'string') return new Error(this.redact(error))
    if (!(error instanceof Error)) return undefined
    const nested = this.cause(error.cause, depth + 1)
    const message = this.redact(error.message)
    const options = nested === undefined ? undefined : { cause: nested }
    const copy =
      error instanceof AggregateError
        ? new AggregateError(
            error.errors.slice(0, 10).flatMap((each: unknown) => this.cause(each, depth + 1) ?? []),
            message,
            options,
          )
        : new Error(message, options)
    hide(copy, 'name', this.redact(error.name))
    if (error.stack !== undefined) hide(copy, 'stack', this.redact(error.stack))
    const code = (error as { code?: unknown }).code
    if (typeof code === 'string' || typeof code === 'number') {
      Object.assign(copy, { code: typeof code === 'string' ? this.redact(code) : code })
    }
    return copy
  }

  /** Returns a copy of log fields with every string in them redacted. */
  fields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return this.#deep(fields, 0) as Record<string, unknown>
  }

  #deep(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.redact(value)
    if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
    if (depth >= DEEPEST) return '[…]'
    if (value instanceof Error) return this.cause(value)
    if (value instanceof URL) return this.redact(value.href)
    if (value instanceof Date) return value
    if (Array.isArray(value)) return value.map((each) => this.#deep(each, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [this.redact(name), this.#deep(member, depth + 1)]),
    )
  }

  #all(): string[] {
    const all = this.#parent === undefined ? [] : this.#parent.#all()
    for (const [value, known] of this.#forms) {
      const forms = known ?? formsOf(value)
      if (known === undefined) this.#forms.set(value, forms)
      all.push(...forms)
    }
    return all
  }
}

function hide(error: Error, name: 'name' | 'stack', value: string): void {
  Object.defineProperty(error, name, { value, enumerable: false, configurable: true, writable: true })
}

function formsOf(value: string): readonly string[] {
  const formEncoded = new URLSearchParams({ '': value }).toString().slice(1)
  const base64 = toBase64(value).replace(/=+$/, '')
  const forms = [
    value,
    formEncoded,
    formEncoded.replaceAll('+', '%20'),
    JSON.stringify(value).slice(1, -1),
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
  ]
  // A lone surrogate has no such form.
  try {
    forms.push(encodeURIComponent(value))
  } catch {
    return forms
  }
  return [...new Set(forms)]
}
