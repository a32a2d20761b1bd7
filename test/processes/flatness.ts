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

/** Every time that was taken, in milliseconds, with so many grants in the store. */
export interface Samples {
  readonly grants: number
  readonly read: readonly number[]
  readonly due: readonly number[]
  readonly claim: readonly number[]
  readonly commit: readonly number[]
}

export interface FlatnessOptions {
  readonly sizes: readonly number[]
  /** Reads, claims and commits at each size. */
  readonly samples: number
  /** After so many of them comes one batch of due grants. @default 20 */
  readonly dueEvery?: number
}

/** So many grants are due, however many there are. */
const DUE = 2000
const BATCH = 32
/** What is reserved is due again soon, so that the due grants of a small store last: after all the others, though. */
const RESERVE_MS = 1
const key = (subject: string) => ({ client: 'acme', subject, account: '' })

const content = {
  state: 'active' as const,
  // As long as a sealed token is.
  sealed: randomBytes(400).toString('base64url'),
  renewable: true,
}
const template: NewGrant = { ...content, id: 'template', schema: 1, issuer: 'http://127.0.0.1', clientId: 'client' }

/** Measures a store's operations with ever more grants in it, one process alone. */
export async function flatness(place: Place, options: FlatnessOptions): Promise<readonly Measured[]> {
  const median = (times: readonly number[]): number => percentile(times, 0.5)
  return (await flatnessSamples(place, options)).map(({ claim, commit, due, grants, read }) => ({
    grants,
    readMs: median(read),
    dueMs: median(due),
    claimMs: median(claim),
    commitMs: median(commit),
  }))
}

/** The same, with every single time. */
export async function flatnessSamples(
  place: Place,
  { dueEvery = 20, samples, sizes }: FlatnessOptions,
): Promise<readonly Samples[]> {
  const { end, store } = open(place)
  const measured: Samples[] = []
  await store.put(key('template'), template)
  let size = 0
  for (const grants of sizes) {
    await copyGrants(place, { from: size, to: grants, due: Math.min(DUE, grants - size) })
    size = grants
    measured.push(await measure(store, { grants, samples, dueEvery }))
    await retireCopies(place)
  }
  await store.close()
  await end()
  return measured
}

async function measure(
  store: GrantStore,
  { dueEvery, grants, samples }: { readonly grants: number; readonly samples: number; readonly dueEvery: number },
): Promise<Samples> {
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
    if (count % dueEvery > 0) continue
    const before = Date.now()
    await timed('due', async () => {
      const { records } = await store.due({ before, limit: BATCH, reserveMs: RESERVE_MS })
      if (records.length === 0) throw new Error('Expected more due grants than were asked for.')
    })
  }
  return { grants, ...times }
}
