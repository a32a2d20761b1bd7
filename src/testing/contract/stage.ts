import type { GrantKey } from '../../model/grant-key.ts'
import {
  type ClaimAnswer,
  type ClaimRequest,
  type CommitAnswer,
  type Failures,
  type GrantContent,
  type GrantRecord,
  type GrantStore,
  type NewGrant,
  RECORD_SCHEMA,
} from '../../stores/store.ts'

/** How the cases get a store, and move its time. */
export interface StoreContractOptions {
  /** Makes a store. Every case makes one, and closes it. All may use one database: each case has its own keys. */
  readonly create: () => GrantStore | Promise<GrantStore>
  /**
   * Moves the store's time forward, and sets it if possible, as a `fakeClock` does. @default real waiting, some seconds
   * in total
   */
  readonly clock?: { advance(ms: number): unknown; now?(): number; set?(now: number): unknown }
}

/** One case: `run` rejects with a message if the store breaks that part of the contract. */
export interface StoreContractCase {
  readonly name: string
  run(): Promise<void>
}

/** A case as the files next to this one list them. */
export type Case = readonly [name: string, run: (stage: Stage) => Promise<void>]

/** A lease or settle time that does not end while a case runs. */
export const LONG_MS = 600_000

/** One that a case waits for. With a shorter one, a slow store could not respond in time. */
export const SHORT_MS = 50

/** What a case works with: its own store and the usual steps. */
export class Stage {
  readonly store: GrantStore
  readonly client: string
  /** Whether time is moved, so that nothing has to be waited for. */
  readonly isFast: boolean
  readonly #clock: StoreContractOptions['clock']

  constructor(store: GrantStore, clock: StoreContractOptions['clock']) {
    this.store = store
    this.#clock = clock
    this.isFast = clock !== undefined
    // Cases, and runs of them, may share a database.
    this.client = `contract ${newId()}`
  }

  key(subject = 'subject', account = ''): GrantKey {
    return { client: this.client, subject, account }
  }

  /** Puts a login and returns its record. */
  async login(changes: Partial<NewGrant> = {}, key: GrantKey = this.key()): Promise<GrantRecord> {
    const answer = await this.store.put(key, newGrant(changes))
    return present(answer.record, 'the record of a login')
  }

  /** Claims with an intent, by default for a lease that does not end. */
  claim(record: GrantRecord, owner: string, changes: Partial<ClaimRequest> = {}): Promise<ClaimAnswer> {
    return this.store.claim(record.key, {
      id: record.id,
      version: record.version,
      owner,
      leaseMs: LONG_MS,
      settleMs: LONG_MS,
      intent: { hash: 'hash', sendWithinMs: LONG_MS / 2 },
      ...changes,
    })
  }

  /** Claims, and fails unless the result is the lease. */
  async claimed(record: GrantRecord, owner: string, changes: Partial<ClaimRequest> = {}): Promise<Claimed> {
    const answer = await this.claim(record, owner, changes)
    same(answer.outcome, 'claimed', `the result of the claim of ${owner}`)
    return answer as Claimed
  }

  /** A claim whose lease and time to send are over when this resolves. */
  async lapsedClaim(record: GrantRecord, owner: string): Promise<Claimed> {
    const answer = await this.claimed(record, owner, {
      leaseMs: SHORT_MS,
      intent: { hash: 'hash', sendWithinMs: SHORT_MS / 2 },
    })
    await this.pass(SHORT_MS)
    return answer
  }

  /** Commits a token at the record's version. */
  commit(record: GrantRecord, changes: Partial<GrantContent> & { failures?: Failures } = {}): Promise<CommitAnswer> {
    return this.store.commit(record.key, {
      id: record.id,
      version: record.version,
      ...newContent(changes),
      failures: changes.failures,
    })
  }

  async read(key: GrantKey = this.key()): Promise<GrantRecord> {
    return present((await this.store.read(key)).record, `the record of '${key.subject}'`)
  }

  /** Resolves when this much of the store's time has passed. */
  async pass(ms: number): Promise<void> {
    if (this.#clock !== undefined) await this.#clock.advance(ms)
    // A little longer: a store's clock may tick coarsely.
    else await new Promise((resolve) => setTimeout(resolve, ms + 15))
  }

  /** Runs `work` while the store's clock is behind by `ms`. Does nothing if the clock cannot be set. */
  async setBack(ms: number, work: () => Promise<void>): Promise<void> {
    const clock = this.#clock
    if (clock?.now === undefined || clock.set === undefined) return
    clock.set(clock.now() - ms)
    try {
      await work()
    } finally {
      clock.set(clock.now() + ms)
    }
  }

  async list(filter: Parameters<GrantStore['list']>[0]): Promise<GrantRecord[]> {
    const records: GrantRecord[] = []
    for await (const record of this.store.list(filter)) records.push(record)
    return records
  }
}

export type Claimed = Extract<ClaimAnswer, { outcome: 'claimed' }>

export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function newContent(changes: Partial<GrantContent> = {}): GrantContent {
  return { state: 'active', sealed: `sealed ${newId()}`, renewable: true, ...changes }
}

export function newGrant(changes: Partial<NewGrant> = {}): NewGrant {
  return {
    id: newId(),
    schema: RECORD_SCHEMA,
    issuer: 'https://issuer.example',
    clientId: 'client id',
    ...newContent(),
    ...changes,
  }
}

export function failures(now: number, changes: Partial<Failures> = {}): Failures {
  return {
    code: 'unavailable',
    count: 1,
    firstAt: now,
    lastAt: now,
    notBefore: now + LONG_MS,
    mandatory: false,
    ...changes,
  }
}

/** Fails with the expected and the actual value. Undefined members count as absent. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [canonical(actual), canonical(expected)]
  if (got !== wanted) throw new Error(`Expected ${what} to be ${wanted}, got ${got}.`)
}

export function check(holds: boolean, message: string): void {
  if (!holds) throw new Error(message)
}

export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`Expected ${what}, got nothing.`)
  return value
}

/** Returns JSON with its members in one order. */
function canonical(value: unknown): string {
  const sorted = JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
  }) as string | undefined
  return sorted ?? 'nothing'
}
