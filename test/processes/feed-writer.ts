/** A writer of `feed.ts`, which changes grants of a shared store at random until it is killed. */
import { randomBytes, randomInt } from 'node:crypto'

import type { GrantKey } from '../../src/model/grant-key.ts'
import type { GrantRecord, GrantStore, NewGrant } from '../../src/stores/store.ts'
import { open, type Place } from './stores.ts'
import { pause } from './world.ts'

const place = JSON.parse(process.argv[2] ?? '') as Place
const keys = JSON.parse(process.argv[3] ?? '') as readonly GrantKey[]
const content = { state: 'active', sealed: 'x'.repeat(500), renewable: true } as const

const newGrant = (): NewGrant => ({
  id: randomBytes(16).toString('hex'),
  schema: 1,
  issuer: 'i',
  clientId: 'c',
  ...content,
})

/** One random change of one grant. */
async function change(store: GrantStore, key: GrantKey): Promise<void> {
  const { record } = await store.read(key)
  const dice = randomInt(10)
  if (record === undefined || dice === 0) await store.put(key, newGrant())
  else if (dice === 1) await store.delete(key, { id: record.id })
  else if (dice === 2) await end(store, record)
  else await store.commit(key, { id: record.id, version: record.version, ...content }, record)
}

async function end(store: GrantStore, record: GrantRecord): Promise<void> {
  const { id, version } = record
  const owner = randomBytes(8).toString('hex')
  const intent = { hash: 'h', sendWithinMs: 1000 }
  const claim = await store.claim(record.key, { id, version, owner, leaseMs: 20, settleMs: 0, intent }, record)
  if (claim.outcome === 'claimed')
    await store.commit(record.key, { id, version, owner, verdict: 'revoked' }, claim.record)
}

const { store } = open(place)
process.on('disconnect', () => process.exit())
for (;;) {
  try {
    await change(store, keys[randomInt(keys.length)]!)
  } catch {
    // The server is down, or another writer was faster.
    await pause(20)
  }
  if (randomInt(50) === 0) process.send?.('works')
}
