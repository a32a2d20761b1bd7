import type { Clock } from '../util/clock.ts'
import { UnreadableRecordError } from '../model/errors.ts'
import type { Backend, Row, Write } from './backend.ts'
import {
  assertPut,
  decideDeleteDocument,
  decideOnce,
  decidePutDocument,
  type DocumentAnswer,
  type DocumentDecision,
  type DocumentEntry,
  documentKey,
  documentOf,
  type Documents,
  onceKey,
  type StoredDocument,
} from './documents.ts'
import { fromPortableText, toPortableText } from './portable-text.ts'
import { readable } from './row-lists.ts'
import { Swapper } from './swap.ts'

/** The form of a document's entry. The value is the row's sealed text. */
interface Entry {
  readonly version: number
  readonly expiresAt?: number | undefined
  readonly forgetAt?: number | undefined
  /** Whether it was deleted: only its version is remembered. */
  readonly ended?: true
}

/** Documents as rows of a backend. */
export class RowDocuments implements Documents {
  readonly #backend: Backend
  readonly #swapper: Swapper<DocumentEntry | undefined>
  readonly #run: <T>(work: () => Promise<T>) => Promise<T>

  constructor(backend: Backend, clock: Required<Clock>, run: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#backend = backend
    this.#swapper = new Swapper(backend, clock, decode)
    this.#run = run
  }

  get(name: string): Promise<{ document?: StoredDocument | undefined; now: number }> {
    return this.#run(async () => {
      const { content, now } = await this.#swapper.look(documentKey(name))
      return { document: documentOf(content, now), now }
    })
  }

  put(name: string, value: string, options: { version: number; ttlMs?: number | undefined }): Promise<DocumentAnswer> {
    return this.#run(async () => {
      const key = documentKey(name)
      assertPut(value, options)
      return this.#change(key, 'document', (entry, now) => decidePutDocument(entry, value, options, now))
    })
  }

  delete(name: string, { version }: { version: number }): Promise<boolean> {
    return this.#run(async () =>
      this.#change(documentKey(name), 'document', (entry, now) => decideDeleteDocument(entry, version, now)),
    )
  }

  async *list(prefix: string): AsyncGenerator<StoredDocument & { readonly name: string }> {
    const start = JSON.stringify(prefix).slice(0, -1)
    const { now } = await this.#run(() => this.#swapper.look(documentKey('')))
    const unreadable: UnreadableRecordError[] = []
    for await (const row of this.#backend.list({ prefix: start, state: 'document' })) {
      const document = readable(unreadable, () => documentOf(decode(row), now))
      if (document !== undefined) yield { name: JSON.parse(row.key) as string, ...document }
    }
    if (unreadable[0] !== undefined) throw unreadable[0]
  }

  once(id: string, ttlMs: number, by: string): Promise<boolean> {
    return this.#run(async () => this.#change(onceKey(id), 'once', (entry, now) => decideOnce(entry, by, ttlMs, now)))
  }

  async #change<A>(
    key: string,
    kind: 'document' | 'once',
    decide: (entry: DocumentEntry | undefined, now: number) => DocumentDecision<A>,
  ): Promise<A> {
    const { answer } = await this.#swapper.change(key, (entry, now) => {
      const { answer, write } = decide(entry, now)
      return write === undefined ? { answer } : { answer, write: encode(write, kind) }
    })
    return answer
  }
}

function decode(row: Row | undefined): DocumentEntry | undefined {
  if (row === undefined) return undefined
  let entry: Partial<Entry> | null
  try {
    entry = JSON.parse(row.entry) as Partial<Entry> | null
  } catch {
    entry = null
  }
  if (typeof entry?.version !== 'number') throw new UnreadableRecordError(undefined, 'document')
  const { version, expiresAt, forgetAt, ended } = entry
  return { version, expiresAt, forgetAt, value: ended === true ? undefined : fromPortableText(row.sealed) }
}

function encode(document: DocumentEntry, kind: 'document' | 'once'): Omit<Write, 'notAfter'> {
  const { value, forgetAt, ...rest } = document
  const ended = value === undefined
  const entry: Entry = ended ? { ...rest, forgetAt, ended } : { ...rest, forgetAt }
  return {
    entry: JSON.stringify(entry),
    sealed: toPortableText(value ?? ''),
    index: { state: kind === 'document' && !ended ? 'document' : undefined, forgetAt },
    sameIndex: false,
    durable: kind === 'document',
  }
}
