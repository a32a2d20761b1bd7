/** Number of consecutive characters of a secret that count as a leak: too many to guess of a random token. */
const WINDOW = 16

/** The secrets of one test by value, and the search for them and their parts in every form in which they may appear. */
export class Planted {
  readonly #values = new Map<string, string>()
  /** The label of each run of characters that must not be found. */
  readonly #runs = new Map<string, string>()

  /** Remembers a secret under a label, which a failing test shows. The header of a JWT is not secret. */
  add(label: string, value: unknown): void {
    if (typeof value !== 'string' || value === '' || this.#values.has(value)) return
    this.#values.set(value, label)
    const secret = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value) ? value.slice(value.indexOf('.') + 1) : value
    for (const form of formsOf(secret)) {
      // A secret must be at least as long as a run.
      if (form.length < WINDOW) throw new Error(`Expected the secret '${label}' to have at least ${WINDOW} characters.`)
      for (let start = 0; start + WINDOW <= form.length; start += 1)
        this.#runs.set(form.slice(start, start + WINDOW), label)
    }
  }

  /** Number of planted secrets. */
  get size(): number {
    return this.#values.size
  }

  /** All secrets whose labels begin with the text. */
  values(prefix = ''): string[] {
    return [...this.#values].flatMap(([value, label]) => (label.startsWith(prefix) ? [value] : []))
  }

  /** The secrets that the text contains in part, each with the text around its first place. */
  leaksIn(text: string): string[] {
    const found = new Map<string, string>()
    for (let start = 0; start + WINDOW <= text.length; start += 1) {
      const label = this.#runs.get(text.slice(start, start + WINDOW))
      if (label !== undefined && !found.has(label)) {
        found.set(label, `${label}: …${text.slice(Math.max(0, start - 80), start + 60)}…`)
      }
    }
    return [...found.values()]
  }
}

/** A secret as it is, percent-encoded, form-encoded, JSON-escaped, in hexadecimal, and in base64 at each offset. */
function formsOf(value: string): Set<string> {
  const form = new URLSearchParams({ '': value }).toString().slice(1)
  const bytes = Buffer.from(value)
  const forms = new Set([
    value,
    encodeURIComponent(value),
    form,
    JSON.stringify(value).slice(1, -1),
    bytes.toString('hex'),
  ])
  for (const text of [value, encodeURIComponent(value), form]) {
    for (const before of ['', 'x', 'xx']) {
      const all = Buffer.from(before + text)
      // Only whole groups of three bytes that are the secret's own.
      const own = all.subarray(before === '' ? 0 : 3, all.length - (all.length % 3))
      forms.add(own.toString('base64')).add(own.toString('base64url'))
    }
  }
  return forms
}
