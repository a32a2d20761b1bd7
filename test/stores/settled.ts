import type { Pool } from 'pg'

import type { GrantStore } from '../../src/stores/store.ts'

/** Resolves when all transactions that have begun to write are finished: until then they hold the change feed back. */
export async function settled(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ xid: string }>('SELECT txid_snapshot_xmax(txid_current_snapshot()) AS xid')
  for (let tries = 0; tries < 1000; tries += 1) {
    const sql = 'SELECT txid_snapshot_xmin(txid_current_snapshot()) >= $1 AS done'
    const { rows: answers } = await pool.query<{ done: boolean }>(sql, [rows[0]!.xid])
    if (answers[0]?.done === true) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('A transaction stayed open.')
}

/** The store, whose feed is read when nothing holds it back: other tests write on the same server. */
export function feedSettled(store: GrantStore, pool: Pool): GrantStore {
  const changes = store.changes?.bind(store)
  return Object.assign(store, {
    changes: async (request: Parameters<NonNullable<GrantStore['changes']>>[0]) => {
      await settled(pool)
      return changes!(request)
    },
  })
}
