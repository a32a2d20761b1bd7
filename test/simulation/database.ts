import { indexableKey } from '../../src/model/check-key.ts'
import type { GrantKey } from '../../src/model/grant-key.ts'
import type { Found, Write } from '../../src/stores/backend.ts'
import { decodeRow } from '../../src/stores/record.ts'
import { MapBackend } from '../stores/map-backend.ts'
import type { Ledger } from './ledger.ts'

/** The database that the processes share. It reports each write of the grant to the ledger. */
export class Database extends MapBackend {
  readonly #ledger: Ledger
  readonly #name: string

  constructor(ledger: Ledger, key: GrantKey, now: () => number) {
    super(now)
    this.#ledger = ledger
    this.#name = indexableKey(key)
  }

  override async swap(
    key: string,
    from: string | undefined,
    to: string,
    write: Write,
  ): Promise<Found & { readonly swapped: boolean }> {
    const found = await super.swap(key, from, to, write)
    if (found.swapped && key === this.#name) {
      this.#ledger.wrote(this.#ledger.record, decodeRow(this.rows.get(key)).record)
    }
    return found
  }
}
