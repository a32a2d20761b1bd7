import { GrantNotFoundError, StoreError } from '../model/errors.ts'
import { assertKnown } from '../stores/rules.ts'
import { RECORD_SCHEMA, type GrantRecord, type NewGrant } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import { runInBackground } from './background.ts'
import { contentOf } from './record-content.ts'
import type { GrantClient } from './grant-client.ts'
import { hold, sameVersion, versionOf, type CachedGrant } from './cached-grant.ts'
import type { RefreshContext } from './context.ts'
import type { ResolvedPolicy } from './policy.ts'
import { randomId } from '../util/crypto.ts'
import { loadAhead } from '../util/lazy.ts'
import { SharedWork } from './shared-work.ts'
import { shifted, type Steady, type StoreClock } from './store-clock.ts'

/** How long a caller waits for an overdue read of the store if it could get a token without it. */
const LOOK_PATIENCE_MS = 1000
/** Time after a failed read until the next one. */
const LOOK_AGAIN_MS = 1000
/** Age after which a read is considered lost. */
const LOOK_TOO_OLD_MS = 60_000

/**
 * What this process knows of one grant, and how old that knowledge may get. Logins are compared by neither clock nor
 * count: what was read later wins. Each read and each renewal gets a number.
 */
export class GrantCache {
  readonly #options: RefreshContext
  readonly #client: GrantClient
  readonly #storeClock: StoreClock
  /** Whether memory is ahead of the store: a token waits to be saved. */
  readonly #ahead: () => boolean
  #held: CachedGrant | undefined
  #seed: Token | undefined
  readonly #look: SharedWork<true>
  #moment = 0
  #takenAt = 0
  /** How far the clock was set back before the token was taken. */
  #setBackMs = 0
  #lookedAt = 0
  #lookDueAt = 0
  #lookOverdueAt = 0
  #freshUntil = 0
  /** State of the store's clock when the cached grant was taken. */
  #heldSince: { readonly version: string | undefined; readonly steady: Steady | undefined } | undefined

  constructor(options: RefreshContext, client: GrantClient, storeClock: StoreClock, ahead: () => boolean) {
    this.#options = options
    this.#client = client
    this.#storeClock = storeClock
    this.#ahead = ahead
    this.#seed = options.seed
    this.#look = new SharedWork(options.clock, LOOK_TOO_OLD_MS)
  }

  get held(): CachedGrant | undefined {
    return this.#held
  }

  /** The token to store if nothing is stored yet. */
  get seed(): Token | undefined {
    return this.#seed
  }

  /** Returns the number of a read that starts now. */
  moment(): number {
    return ++this.#moment
  }

  /**
   * The cached grant while its token is fresh and the latest read of the store is recent enough. Every caller gets it
   * at once.
   */
  atOnce(): CachedGrant | undefined {
    const now = this.#options.clock.now()
    // A clock that was set back makes the age of the latest read doubtful.
    if (now >= this.#freshUntil || now >= this.#lookOverdueAt || now < this.#lookedAt) return undefined
    if (now >= this.#lookDueAt) this.#lookInBackground()
    return this.#held
  }

  /** The cached grant, its token moved if the clock was set back since it was taken. */
  current(): CachedGrant | undefined {
    const held = this.#held
    const ms = held === undefined ? 0 : this.#storeClock.setBackMs - this.#setBackMs
    if (held?.token === undefined || ms === 0) return held
    this.#hold(hold(held.record, shifted(held.token, -ms), this.#client.handOut, held.unsaved))
    // The age of the latest read is no longer known.
    if (!this.#options.alone) this.#lookDueAt = this.#lookOverdueAt = this.#lookedAt
    return this.#held
  }

  /**
   * Takes a record of the store into memory. `readSince` is the number of its read (0: unknown). Returns the cached
   * grant.
   */
  async adopt(record: GrantRecord, readSince: number): Promise<CachedGrant> {
    assertKnown(record)
    // The response contained the store's time, whether or not the client may use the rest.
    const before = this.#held
    if (before?.unsaved === false && sameVersion(before, { record })) this.#hold(this.#retimed(before, record))
    // Another login: the cached grant is not the stored one, whether or not the new one can be used here.
    if (before !== undefined && before.record.id !== record.id && this.#supersedes(record, readSince)) this.#drop()
    await this.#client.admit(record)
    const known = this.#known(record, readSince)
    if (known !== undefined) return known
    const stored = await this.#options.sealer.open(record.key, record.id, record.sealed)
    // Memory may have changed while the record was unsealed.
    const moved = this.#known(record, readSince)
    if (moved !== undefined) return moved
    const token = stored === undefined ? undefined : this.#storeClock.tokenToLocal(stored)
    const held = hold(record, token, this.#client.handOut)
    return this.#supersedes(record, readSince) ? this.#hold(held) : held
  }

  /** Returns the cached grant if the record is not newer. */
  #known(record: GrantRecord, readSince: number): CachedGrant | undefined {
    const held = this.#held
    if (held === undefined) return undefined
    // The record of an unsaved token's version is that of the token before it.
    if (sameVersion(held, { record })) return held.unsaved ? held : this.#hold(this.#retimed(held, record))
    return this.#supersedes(record, readSince) ? undefined : held
  }

  /**
   * Within one login, the version decides. After a login was ended or replaced, or a store restored, only the order of
   * the reads does.
   */
  #supersedes(record: GrantRecord, readSince: number): boolean {
    const held = this.#held
    if (held?.record.id !== record.id) return readSince >= this.#takenAt
    return record.version > held.record.version || (readSince >= this.#takenAt && !held.unsaved)
  }

  /**
   * The clock may have been set since the token was taken: its expiry is the record's, by the store's time as known
   * now. If the store's own clock was set back, as in a store on this machine, the token ends earlier by that amount.
   */
  #retimed(held: CachedGrant, record: GrantRecord): CachedGrant {
    const { token } = held
    if (token?.expiresAt === undefined || record.expiresAt === undefined) return { ...held, record }
    const setBackMs =
      this.#heldSince?.version === versionOf({ record }) ? this.#storeClock.setBackSince(this.#heldSince?.steady) : 0
    const ms = this.#storeClock.toLocal(record.expiresAt) - setBackMs - token.expiresAt
    return ms === 0 ? { ...held, record } : hold(record, shifted(token, ms), this.#client.handOut)
  }

  /**
   * Takes the result of a redemption that started at `since`. `token` is in this process's time. `unsaved`: the record
   * is not stored yet.
   */
  renew(record: GrantRecord, token: Token, unsaved: boolean, since: number): CachedGrant | undefined {
    const held = this.#held
    // The login was ended or replaced during the request: what the store makes of its token is unknown.
    if (unsaved && held?.record.id !== record.id) return held
    const older = held !== undefined && record.id === held.record.id && record.version < held.record.version
    if (older || (held?.record.id !== record.id && !this.#supersedes(record, since))) return held
    const next = hold(record, token, this.#client.handOut, unsaved)
    return this.#hold(unsaved ? next : this.#retimed(next, record))
  }

  #hold(held: CachedGrant): CachedGrant {
    const { policy } = this.#client
    const version = versionOf(held)
    if (this.#heldSince?.version !== version || this.#held?.unsaved !== held.unsaved)
      this.#heldSince = { version, steady: this.#storeClock.steady }
    this.#held = held
    this.#takenAt = this.moment()
    this.#setBackMs = this.#storeClock.setBackMs
    this.#lookedAt = this.#options.clock.now()
    const { alone } = this.#options
    const { revalidateMs } = policy
    this.#lookDueAt = this.#lookedAt + revalidateMs
    // Without background work, the caller reads as soon as a read is due.
    const patience = this.#options.background === 'none' ? 1 : 2
    this.#lookOverdueAt = alone ? Number.POSITIVE_INFINITY : this.#lookedAt + patience * revalidateMs
    this.#freshUntil = freshUntil(held, policy)
    return held
  }

  /** Forgets what this process knows of the grant. */
  forget(): void {
    this.#drop()
    this.#takenAt = this.moment()
  }

  #drop(): void {
    this.#held = undefined
    this.#freshUntil = 0
  }

  /** Reads the grant from the store. */
  async read(): Promise<CachedGrant | undefined> {
    // Memory is ahead of the store while a token is unsaved.
    if (this.#ahead() && this.#held !== undefined) return this.#held
    const since = this.moment()
    const { record } = await this.#storeClock.ask(() => this.#options.store.read(this.#options.key))
    if (record !== undefined) return this.adopt(record, since)
    // What was taken since this read started is newer.
    if (this.#held !== undefined && this.#takenAt > since) return this.#held
    this.forget()
    return undefined
  }

  /** Stores the seed if nothing is stored; for a grant that the application obtains itself, stores its place. */
  async place(): Promise<CachedGrant> {
    const { key, obtainable, sealer, store, alone } = this.#options
    const seed = this.#seed
    // A missing client is the more helpful reason.
    const { core } = await this.#client.use()
    if (seed === undefined && !obtainable) throw new GrantNotFoundError(key)
    const id = randomId()
    const issuer = alone ? '' : await core.issuer(seed)
    const { policy } = this.#client
    const sealed = await sealer.seal(key, id, seed)
    const content =
      seed === undefined
        ? { state: 'active' as const, sealed, renewable: true, refreshAfter: undefined }
        : contentOf(seed, sealed, { policy, obtainable })
    const grant: NewGrant = {
      ...content,
      lastRefreshedAt: undefined,
      id,
      issuer,
      clientId: core.clientId,
      schema: RECORD_SCHEMA,
    }
    const since = this.moment()
    const answer = await this.#storeClock.ask(() => store.put(key, grant, { id: undefined }))
    if (answer.record === undefined)
      throw new StoreError(
        "The store returned no record after a write, which breaks the store contract. Run storeContract() from 'evergrant/testing' on it.",
      )
    this.#seed = undefined
    return this.adopt(answer.record, since)
  }

  /** A disconnected or replaced grant must not be returned for long. A store that is down must not stop callers. */
  async revalidate(): Promise<void> {
    const now = this.#options.clock.now()
    if (now < this.#lookDueAt && now >= this.#lookedAt) return
    if (now < this.#lookOverdueAt && now >= this.#lookedAt) {
      this.#lookInBackground()
      return
    }
    // One caller waits for a hanging store, not every caller.
    if ((await this.#look.wait(() => this.#lookNow(), LOOK_PATIENCE_MS)) === undefined)
      this.#postpone(this.#client.policy.revalidateMs)
  }

  #postpone(ms: number): void {
    // A clock that was set back since the last read is noticed now: later, the new time would hide it.
    this.current()
    const now = this.#options.clock.now()
    this.#lookedAt = Math.min(this.#lookedAt, now)
    this.#lookDueAt = now + ms
    this.#lookOverdueAt = now + 2 * ms
  }

  #lookInBackground(): void {
    if (this.#options.alone) {
      // No other process writes there. Only the clock may have been set, and noticing that needs no wait.
      void this.#look.join(() => this.#lookNow())
      return
    }
    if (!this.#look.isRunning) runInBackground(this.#options.background, () => this.#look.join(() => this.#lookNow()))
  }

  /** Reads the store. After a failure, the next read is due in a second. */
  async #lookNow(): Promise<true> {
    loadAhead()
    try {
      await this.read()
    } catch {
      this.#postpone(LOOK_AGAIN_MS)
    }
    return true
  }

  /** These logins were ended: nothing of them may be stored. */
  end(ids: readonly (string | undefined)[]): void {
    this.#seed = undefined
    if (ids.includes(this.#held?.record.id)) this.forget()
  }
}

function freshUntil({ record, token }: CachedGrant, policy: ResolvedPolicy): number {
  if (token === undefined || record.state !== 'active') return 0
  const { earlyMs, spentMs } = policy.margins(token)
  const margin = record.renewable ? Math.max(earlyMs, spentMs) : 0
  const until = token.expiresAt === undefined ? Number.POSITIVE_INFINITY : token.expiresAt - margin
  return record.renewable ? Math.min(until, policy.renewal(token)?.dueAt ?? until) : until
}
