import { expect, test, vi } from 'vitest'
import { indexableKey } from '../../src/model/check-key.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { GrantStore, NewGrant } from '../../src/stores/store.ts'
import { MapBackend } from '../stores/map-backend.ts'

// Errors of numbered revisions that schedules cannot find, because they remove no row and clone no process.

const KEY = { client: 'acme', subject: 'f', account: '' }

function login(id: string, sealed: string): NewGrant {
  return { id, schema: 1, issuer: 'https://as.example', clientId: 'c', state: 'active', sealed, renewable: true }
}

test('a read record is not written over a row that was removed and created again', async () => {
  const backend = new MapBackend()
  const store = storeOver(backend)
  const { record: seen } = await store.put(KEY, login('first', 'old'))
  const [row] = backend.rows.values()
  backend.rows.delete(indexableKey(KEY))
  await store.put(KEY, login('second', 'new'))
  const late = await store.commit(KEY, { ...login('first', 'late'), version: 1 }, seen)
  expect(late.committed).toBe(false)
  expect((await store.read(KEY)).record).toMatchObject({ id: 'second', sealed: 'new' })
  expect(backend.rows.get(indexableKey(KEY))?.revision).not.toBe(row?.revision)
})

test('two processes of one snapshot write different revisions', async () => {
  const revisions = await Promise.all([0, 1].map(async () => revisionOf(await storeOfSnapshot())))
  expect(new Set(revisions).size).toBe(2)
})

interface Opened {
  readonly store: GrantStore
  readonly backend: MapBackend
}

/** A store whose modules are in the state of their loading, as in a restored process. */
async function storeOfSnapshot(): Promise<Opened> {
  vi.resetModules()
  const { storeOver: open } = await import('../../src/stores/store-over.ts')
  const backend = new MapBackend(() => 0)
  return { store: open(backend, { clock: { now: () => 0 } }), backend }
}

async function revisionOf({ store, backend }: Opened): Promise<string | undefined> {
  await store.put(KEY, login('first', 'same'))
  return backend.rows.get(indexableKey(KEY))?.revision
}
