import { randomBytes } from 'node:crypto'

import type { GrantStore, NewGrant } from '../../src/stores/store.ts'
import { copyGrants, retireCopies } from './bulk.ts'
import { open, type OpenedStore, type Place } from './stores.ts'
import { percentile } from './world.ts'

/** Medians in milliseconds, with this number of grants in the store. */
export interface Measured {
  readonly grants: number
  /** A read of a grant that was not read before. */
  readonly readMs: number
  /** A batch of 32 due grants, reserved for the asker. */
  readonly dueMs: number
  readonly claimMs: number
  readonly commitMs: number
}

/** All measured times in milliseconds, with this number of grants in the store. */
export interface Samples {
  readonly grants: number
  readonly read: readonly number[]
  readonly due: readonly number[]
  readonly claim: readonly number[]
  readonly commit: readonly number[]
}

/** A place that is filled with this number of grants. */
export interface Filling {
  readonly place: Place
  readonly grants: number
}

export interface FlatnessOptions {
  /** Reads, claims and commits of each filling. */
  readonly samples: number
  /** Number of samples between two batches of due grants. @default 20 */
  readonly dueEvery?: number
}

/** Number of due grants, for any number of grants. */
const DUE = 2000
const BATCH = 32
/** Reserved grants are due again soon, after all the others, so that a small store has enough due grants. */
const RESERVE_MS = 1
const key = (subject: string) => ({ client: 'acme', subject, account: '' })

const content = {
  state: 'active' as const,
  // As long as a sealed token.
  sealed: randomBytes(400).toString('base64url'),
  renewable: true,
}
const template: NewGrant = { ...content, id: 'template', schema: 1, issuer: 'http://127.0.0.1', clientId: 'client' }

type Times = Record<'read' | 'due' | 'claim' | 'commit', number[]>

/**
 * Measures a store's operations with few and with many grants in it, in one process. The compared stores are measured
 * in turns, so that other work of the machine affects all of them.
 */
export async function flatness(
  fillings: readonly Filling[],
  { dueEvery = 20, samples }: FlatnessOptions,
): Promise<readonly Samples[]> {
  const filled = await Promise.all(fillings.map(fill))
  for (let count = 0; count < samples; count += 1) {
    for (const { grants, store, times } of filled) {
      await measureOnce(store, grants, times)
      if (count % dueEvery === 0) await measureDue(store, times)
    }
  }
  for (const { end, place, store } of filled) {
    await retireCopies(place)
    await store.close()
    await end()
  }
  return filled.map(({ grants, times }) => ({ grants, ...times }))
}

export function medians({ claim, commit, due, grants, read }: Samples): Measured {
  const median = (times: readonly number[]): number => percentile(times, 0.5)
  return { grants, readMs: median(read), dueMs: median(due), claimMs: median(claim), commitMs: median(commit) }
}

async function fill({ grants, place }: Filling): Promise<Filling & OpenedStore & { readonly times: Times }> {
  const opened = open(place)
  await opened.store.put(key('template'), template)
  await copyGrants(place, { from: 0, to: grants, due: Math.min(DUE, grants) })
  return { grants, place, ...opened, times: { read: [], due: [], claim: [], commit: [] } }
}

async function timed<T>(times: number[], work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work()
  times.push(performance.now() - started)
  return result
}

async function measureOnce(store: GrantStore, grants: number, times: Times): Promise<void> {
  const one = key(`copy ${Math.floor(Math.random() * grants)}`)
  const { record } = await timed(times.read, () => store.read(one))
  if (record === undefined) throw new Error(`Expected the grant of ${one.subject}.`)
  const owner = randomBytes(16).toString('hex')
  const version = { id: record.id, version: record.version }
  const intent = { hash: 'hash', sendWithinMs: 1000 }
  await timed(times.claim, () => store.claim(one, { ...version, owner, leaseMs: 5000, settleMs: 5000, intent }))
  await timed(times.commit, () => store.commit(one, { ...version, ...content }))
}

async function measureDue(store: GrantStore, times: Times): Promise<void> {
  const before = Date.now()
  const { records } = await timed(times.due, () => store.due({ before, limit: BATCH, reserveMs: RESERVE_MS }))
  if (records.length === 0) throw new Error('Expected more due grants than were asked for.')
}
