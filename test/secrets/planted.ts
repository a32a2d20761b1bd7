/** So many characters in a row of a secret are a leak: of a random token that is more than anybody could guess. */
const WINDOW = 16

/** The secrets of one test by value, and the search for them and for parts of them, in every form in which they may come out. */
export class Planted {
  readonly #values = new Map<string, string>()
  /** The label of each run of characters that must not be found. */
  readonly #runs = new Map<string, string>()

  /** Remembers a secret under a label, which is what a failing test shows. Of a JWT the header is not secret. */
  add(label: string, value: unknown): void {
    if (typeof value !== 'string' || value === '' || this.#values.has(value)) return
    this.#values.set(value, label)
    const secret = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(value) ? value.slice(value.indexOf('.') + 1) : value
    for (const form of formsOf(secret)) {
      // Whatever is shorter than a run is looked for as a whole, at the run's length or not at all.
      if (form.length < WINDOW) throw new Error(`Expected the secret '${label}' to have at least ${WINDOW} characters.`)
      for (let start = 0; start + WINDOW <= form.length; start += 1)
        this.#runs.set(form.slice(start, start + WINDOW), label)
    }
  }

  /** How many secrets were planted. */
  get size(): number {
    return this.#values.size
  }

  /** All secrets that were planted under labels that begin so. */
  values(prefix = ''): string[] {
    return [...this.#values].flatMap(([value, label]) => (label.startsWith(prefix) ? [value] : []))
  }

  /** The secrets of which the text holds something, each with what stands around its first place. */
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

/** A secret as it is, percent-encoded, form-encoded, JSON-escaped, in hexadecimal, and in base64 wherever in a text that begins. */
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
