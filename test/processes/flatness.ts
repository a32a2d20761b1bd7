import { randomBytes } from 'node:crypto'

import type { GrantStore, NewGrant } from '../../src/stores/store.ts'
import { copyGrants, retireCopies } from './bulk.ts'
import { open, type Place } from './stores.ts'
import { percentile } from './world.ts'

/** Medians in milliseconds, with so many grants in the store. */
export interface Measured {
  readonly grants: number
  /** One grant that was not read before. */
  readonly readMs: number
  /** A batch of 32 due grants, reserved for the asker. */
  readonly dueMs: number
  readonly claimMs: number
  readonly commitMs: number
}

/** So many grants are due, however many there are. */
const DUE = 2000
const BATCH = 32
const key = (subject: string) => ({ client: 'acme', subject, account: '' })

const content = {
  state: 'active' as const,
  // As long as a sealed token is.
  sealed: randomBytes(400).toString('base64url'),
  renewable: true,
}
const template: NewGrant = { ...content, id: 'template', schema: 1, issuer: 'http://127.0.0.1', clientId: 'client' }

/** Measures a store's operations with ever more grants in it, one process alone. */
export async function flatness(
  place: Place,
  { samples, sizes }: { readonly sizes: readonly number[]; readonly samples: number },
): Promise<readonly Measured[]> {
  const { end, store } = open(place)
  const measured: Measured[] = []
  await store.put(key('template'), template)
  let size = 0
  for (const grants of sizes) {
    await copyGrants(place, { from: size, to: grants, due: Math.min(DUE, grants - size) })
    size = grants
    measured.push(await measure(store, grants, samples))
    await retireCopies(place)
  }
  await store.close()
  await end()
  return measured
}

async function measure(store: GrantStore, grants: number, samples: number): Promise<Measured> {
  const times = { read: [] as number[], due: [] as number[], claim: [] as number[], commit: [] as number[] }
  const timed = async (name: keyof typeof times, work: () => Promise<unknown>): Promise<void> => {
    const started = performance.now()
    await work()
    times[name].push(performance.now() - started)
  }
  for (let count = 0; count < samples; count += 1) {
    const one = key(`copy ${Math.floor(Math.random() * grants)}`)
    await timed('read', () => store.read(one))
    const { record } = await store.read(one)
    if (record === undefined) throw new Error(`Expected the grant of ${one.subject}.`)
    const owner = randomBytes(16).toString('hex')
    const version = { id: record.id, version: record.version }
    const intent = { hash: 'hash', sendWithinMs: 1000 }
    await timed('claim', () => store.claim(one, { ...version, owner, leaseMs: 5000, settleMs: 5000, intent }))
    await timed('commit', () => store.commit(one, { ...version, ...content }))
    if (count % 20 > 0) continue
    const before = Date.now()
    await timed('due', async () => {
      const { records } = await store.due({ before, limit: BATCH, reserveMs: 60_000 })
      if (records.length === 0) throw new Error('Expected more due grants than were asked for.')
    })
  }
  const median = (name: keyof typeof times): number => percentile(times[name], 0.5)
  return {
    grants,
    readMs: median('read'),
    dueMs: median('due'),
    claimMs: median('claim'),
    commitMs: median('commit'),
  }
}
