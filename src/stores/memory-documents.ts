import {
  assertPut,
  decideDeleteDocument,
  decidePutDocument,
  type DocumentAnswer,
  type DocumentDecision,
  type DocumentEntry,
  documentKey,
  documentOf,
  type Documents,
  type StoredDocument,
} from './documents.ts'
import { ExpiringMap } from '../util/expiring-map.ts'

/** Documents of a store that ends with its process. */
export class MemoryDocuments implements Documents {
  readonly #entries = new ExpiringMap<string, DocumentEntry>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  async get(name: string): Promise<{ document?: StoredDocument | undefined; now: number }> {
    const now = this.#now()
    return { document: documentOf(this.#entries.get(documentKey(name), now), now), now }
  }

  async put(
    name: string,
    value: string,
    options: { version: number; ttlMs?: number | undefined },
  ): Promise<DocumentAnswer> {
    const key = documentKey(name)
    assertPut(value, options)
    return this.#change(key, (entry, now) => decidePutDocument(entry, value, options, now))
  }

  async delete(name: string, { version }: { version: number }): Promise<boolean> {
    return this.#change(documentKey(name), (entry, now) => decideDeleteDocument(entry, version, now))
  }

  async *list(prefix: string): AsyncGenerator<StoredDocument & { readonly name: string }> {
    const start = JSON.stringify(prefix).slice(0, -1)
    for (const [key, entry] of this.#entries.all(this.#now())) {
      const document = documentOf(entry, this.#now())
      const name = JSON.parse(key) as string
      if (document !== undefined && key.startsWith(start)) yield { name, ...document }
    }
  }

  #change<A>(key: string, decide: (entry: DocumentEntry | undefined, now: number) => DocumentDecision<A>): A {
    const now = this.#now()
    const { answer, write } = decide(this.#entries.get(key, now), now)
    if (write === undefined) return answer
    this.#entries.set(key, Object.freeze(write), write.forgetAt ?? Number.POSITIVE_INFINITY, now)
    return answer
  }
}
