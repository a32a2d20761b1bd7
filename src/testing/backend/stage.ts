import { decodeKey, encodeKey } from '../../model/grant-key.ts'
import type { Backend, DueRows, Found, Row, RowFilter, RowIndex, Write } from '../../stores/backend.ts'
import { check, newId, same } from '../contract/stage.ts'

/** How the cases get a backend, and move its time. */
export interface BackendContractOptions {
  /** Makes a backend. Each case makes one, and closes it. All may use one database: each case has its own keys. */
  readonly create: () => Backend | Promise<Backend>
  /** Moves the backend's time forward. @default real waiting, some seconds in total */
  readonly clock?: { advance(ms: number): unknown }
}

/** One case: `run` rejects with a message if the backend breaks that promise. */
export interface BackendContractCase {
  readonly name: string
  run(): Promise<void>
}

/** A case as the files next to this one list them. */
export type Case = readonly [name: string, run: (stage: Stage) => Promise<void>]

/** What a swap returned, with the revision that it was to write. */
export type Swap = Found & { readonly swapped: boolean; readonly revision: string }

/** Maximum number of rows of one due list, unless a case says otherwise: rows of other runs may be due too. */
const MANY = 10_000

/** What a case works with: a backend, and keys that no other run uses. */
export class Stage {
  readonly backend: Backend
  readonly client: string = `contract ${newId()}`
  /** Whether `pass` moves the time instead of waiting. */
  readonly isFast: boolean
  readonly #clock: BackendContractOptions['clock']
  readonly #keys = new Set<string>()

  constructor(backend: Backend, clock: BackendContractOptions['clock']) {
    this.backend = backend
    this.#clock = clock
    this.isFast = clock !== undefined
  }

  /** The key of a grant's row. */
  key(subject = 'subject', client: string = this.client): string {
    return encodeKey({ client, subject, account: '' })
  }

  /** The key of a document's row. */
  documentKey(name: string): string {
    return JSON.stringify(`${this.client} ${name}`)
  }

  async swap(key: string, from: string | undefined, changes: Partial<Write> = {}): Promise<Swap> {
    this.#keys.add(key)
    const revision = newId()
    const { swapped, now, row } = await this.backend.swap(key, from, revision, newWrite(key, changes))
    return { swapped, now, row: row && plain(row), revision }
  }

  /** Writes over `from`, fails unless that is written, and returns the row as it must read back. */
  async written(key: string, changes: Partial<Write> = {}, from?: Row): Promise<Row> {
    const write = newWrite(key, changes)
    const { swapped, now, revision } = await this.swap(key, from?.revision, write)
    same(swapped, true, `\`swapped\` of a swap from ${from === undefined ? 'nothing' : 'the present revision'}`)
    check(Number.isSafeInteger(now), `Expected \`now\` of a swap to be whole milliseconds, got ${now}.`)
    return { key, revision, entry: write.entry, sealed: write.sealed ?? from?.sealed ?? '' }
  }

  async read(key: string): Promise<Row | undefined> {
    const { row } = await this.backend.read(key)
    return row && plain(row)
  }

  /** The keys of a list, sorted. */
  async list(filter: Partial<RowFilter>): Promise<string[]> {
    const keys: string[] = []
    for await (const { key } of this.backend.list({ prefix: prefixOf(this.client), ...filter })) keys.push(key)
    return keys.sort()
  }

  /** The rows of this case that are due. */
  async due(before: number, request: Partial<DueRows> = {}): Promise<Row[]> {
    const { rows } = await this.backend.due({ before, limit: MANY, schema: 1, ...request })
    return rows.filter(({ key }) => this.#keys.has(key)).map(plain)
  }

  /** Resolves when this much of the backend's time has passed. */
  async pass(ms: number): Promise<void> {
    if (this.#clock !== undefined) await this.#clock.advance(ms)
    // A little longer: a database's clock may tick coarsely.
    else await new Promise((resolve) => setTimeout(resolve, ms + 15))
  }

  /** Takes the case's rows out of every list: stores may use the same database. */
  async clean(): Promise<void> {
    const clean = async (key: string): Promise<void> => {
      const { row, now } = await this.backend.read(key)
      const index = { forgetAt: now }
      if (row !== undefined) await this.swap(key, row.revision, { entry: ENDED, sealed: '', index })
    }
    await Promise.allSettled([...this.#keys].map(clean))
  }
}

/** An entry of a grant or a document that was deleted. */
const ENDED = '{"version":1,"ended":true}'

/** Returns the prefix of the keys of a client's grants. */
export function prefixOf(client: string): string {
  return `[${JSON.stringify(client)},`
}

/** Returns what a row is found by, as a store would write it. */
export function indexOf(key: string): RowIndex {
  const grant = decodeKey(key)
  if (grant === undefined) return { state: 'document' }
  return { subject: JSON.stringify(grant.subject), state: 'active', schema: 1 }
}

/** Makes an entry with a text in it that a store can read: stores may list the same database. */
export function entryWith(text: string): string {
  const record = { id: text, issuer: '', clientId: '', state: 'active', version: 1, schema: 1 }
  return JSON.stringify({ version: 1, record: { ...record, createdAt: 0, updatedAt: 0 } })
}

function newWrite(key: string, changes: Partial<Write>): Write {
  const texts = { entry: entryWith(newId()), sealed: `sealed ${newId()}` }
  return { ...texts, index: indexOf(key), sameIndex: false, durable: true, ...changes }
}

/** Returns a row without what else a backend may keep on it. */
export function plain({ key, revision, entry, sealed }: Row): Row {
  return { key, revision, entry, sealed }
}
