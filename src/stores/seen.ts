import type { GrantRow } from './record.ts'
import type { GrantRecord } from './store.ts'
import type { Seen } from './swap.ts'

/** What a record was read with. */
interface GrantCache extends Omit<Seen<unknown>, 'content'> {
  readonly name: string
  readonly rest: Omit<GrantRow, 'record'>
}

/** Member in which a record keeps what it was read with. Copies of the record do not have it. */
const SEEN = Symbol('seen')

/** Freezes the record. With what it was read with, the next operation on it need not read again. */
export function remember(record: GrantRecord, memory?: GrantCache): GrantRecord {
  if (memory !== undefined) Object.defineProperty(record, SEEN, { value: memory })
  return Object.freeze(record)
}

/** Returns the grant's row as this record was read from it. */
export function seenOf(record: GrantRecord | undefined, name: string): Seen<GrantRow> | undefined {
  const memory = (record as { readonly [SEEN]?: GrantCache } | undefined)?.[SEEN]
  if (memory?.name !== name) return undefined
  const { revision, now, at, rest } = memory
  return { revision, now, at, content: { record, ...rest } }
}
