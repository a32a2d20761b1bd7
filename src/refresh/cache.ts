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
import { SharedWork } from './shared-work.ts'
import { shifted, type Steady, type StoreClock } from './store-clock.ts'

/** How long a caller waits for a look at the store that is overdue, when it could be served without. */
const LOOK_PATIENCE_MS = 1000
/** After a look that failed, the next is due. */
const LOOK_AGAIN_MS = 1000
/** A look that is not over by then never will be. */
const LOOK_TOO_OLD_MS = 60_000

/**
 * What this process knows of one grant, and how old that knowledge may get. Log-ins are compared by no clock and no count: what was read
 * later counts. Each reading and each taking has a number of its own.
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
  /** What the clock was set back by until the token was taken. */
  #setBackMs = 0
  #lookedAt = 0
  #lookDueAt = 0
  #lookOverdueAt = 0
  #freshUntil = 0
  /** How the store's clock stood when what is held was taken. */
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

  /** The token that there is to store when nothing is stored yet. */
  get seed(): Token | undefined {
    return this.#seed
  }

  /** The number of a reading that begins now. */
  moment(): number {
    return ++this.#moment
  }

  /** What is held while the token is fresh and the last look at the store young enough: it answers every caller at once. */
  atOnce(): CachedGrant | undefined {
    const now = this.#options.clock.now()
    // A clock that was set back makes the last look doubtful.
    if (now >= this.#freshUntil || now >= this.#lookOverdueAt || now < this.#lookedAt) return undefined
    if (now >= this.#lookDueAt) this.#lookInBackground()
    return this.#held
  }

  /** What is held, its token moved where the clock was set back since it was taken. */
  current(): CachedGrant | undefined {
    const held = this.#held
    const ms = held === undefined ? 0 : this.#storeClock.setBackMs - this.#setBackMs
    if (held?.token === undefined || ms === 0) return held
    this.#hold(hold(held.record, shifted(held.token, -ms), this.#client.handOut, held.unsaved))
    // How old the last look is can't be told any more.
    if (!this.#options.alone) this.#lookDueAt = this.#lookOverdueAt = this.#lookedAt
    return this.#held
  }

  /** Takes a record of the store into memory, whose reading began at that moment (0: at no known one). Returns what is held then. */
  async adopt(record: GrantRecord, readSince: number): Promise<CachedGrant> {
    assertKnown(record)
    // The store's time was told with it, whether or not the client may use the rest.
    const before = this.#held
    if (before?.unsaved === false && sameVersion(before, { record })) this.#hold(this.#retimed(before, record))
    // Another log-in: what is held is not the stored one's, whether or not the new one can be used here.
    if (before !== undefined && before.record.id !== record.id && this.#supersedes(record, readSince)) this.#drop()
    await this.#client.admit(record)
    const known = this.#known(record, readSince)
    if (known !== undefined) return known
    const stored = await this.#options.sealer.open(record.key, record.id, record.sealed)
    // Memory may have moved on while the seal was opened.
    const moved = this.#known(record, readSince)
    if (moved !== undefined) return moved
    const token = stored === undefined ? undefined : this.#storeClock.tokenToLocal(stored)
    const held = hold(record, token, this.#client.handOut)
    return this.#supersedes(record, readSince) ? this.#hold(held) : held
  }

  /** What is held, where the record brings nothing newer. */
  #known(record: GrantRecord, readSince: number): CachedGrant | undefined {
    const held = this.#held
    if (held === undefined) return undefined
    // The record of an unsaved token's version is that of the token before it.
    if (sameVersion(held, { record })) return held.unsaved ? held : this.#hold(this.#retimed(held, record))
    return this.#supersedes(record, readSince) ? undefined : held
  }

  /** Within one log-in the version tells; a log-in that was ended or replaced, or a store that was restored, only the order of the looks. */
  #supersedes(record: GrantRecord, readSince: number): boolean {
    const held = this.#held
    if (held?.record.id !== record.id) return readSince >= this.#takenAt
    return record.version > held.record.version || (readSince >= this.#takenAt && !held.unsaved)
  }

  /**
   * The clock may have been set since the token was taken: its expiry is the record's, by the store's time as it is known now. Where the store's
   * own clock was set back, which in a store of this machine goes with it, the token ends as much earlier by that clock.
   */
  #retimed(held: CachedGrant, record: GrantRecord): CachedGrant {
    const { token } = held
    if (token?.expiresAt === undefined || record.expiresAt === undefined) return { ...held, record }
    const setBackMs =
      this.#heldSince?.version === versionOf({ record }) ? this.#storeClock.setBackSince(this.#heldSince?.steady) : 0
    const ms = this.#storeClock.toLocal(record.expiresAt) - setBackMs - token.expiresAt
    return ms === 0 ? { ...held, record } : hold(record, shifted(token, ms), this.#client.handOut)
  }

  /** Takes what a redemption brought that began at that moment: `token` in this process's time; `unsaved` while the record is not the store's yet. */
  renew(record: GrantRecord, token: Token, unsaved: boolean, since: number): CachedGrant | undefined {
    const held = this.#held
    // The log-in was ended or replaced while the request was out: what the store makes of its token is not known.
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
    // Without background work, the caller looks as soon as a look is due.
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

  /** Looks at the store. */
  async read(): Promise<CachedGrant | undefined> {
    // Memory is ahead of the store while a token is unsaved.
    if (this.#ahead() && this.#held !== undefined) return this.#held
    const since = this.moment()
    const { record } = await this.#storeClock.ask(() => this.#options.store.read(this.#options.key))
    if (record !== undefined) return this.adopt(record, since)
    // What was taken since this look began is newer.
    if (this.#held !== undefined && this.#takenAt > since) return this.#held
    this.forget()
    return undefined
  }

  /** Where nothing is stored: puts the seed there, or, for a grant that the application obtains by itself, its place. */
  async place(): Promise<CachedGrant> {
    const { key, obtainable, sealer, store, alone } = this.#options
    const seed = this.#seed
    // A client that is not there is the better reason.
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
      throw new StoreError('The store answered a write without the record. It does not keep the store contract.')
    this.#seed = undefined
    return this.adopt(answer.record, since)
  }

  /** A disconnected or replaced grant must not be served for long; a store that is down must not stop anybody. */
  async revalidate(): Promise<void> {
    const now = this.#options.clock.now()
    if (now < this.#lookDueAt && now >= this.#lookedAt) return
    if (now < this.#lookOverdueAt && now >= this.#lookedAt) {
      this.#lookInBackground()
      return
    }
    // One that hangs is waited for once, not by every caller.
    if ((await this.#look.wait(() => this.#lookNow(), LOOK_PATIENCE_MS)) === undefined)
      this.#postpone(this.#client.policy.revalidateMs)
  }

  #postpone(ms: number): void {
    // A clock that was set back since the last read is noticed now: afterwards the new time would hide it.
    this.current()
    const now = this.#options.clock.now()
    this.#lookedAt = Math.min(this.#lookedAt, now)
    this.#lookDueAt = now + ms
    this.#lookOverdueAt = now + 2 * ms
  }

  #lookInBackground(): void {
    if (this.#options.alone) {
      // Nobody else writes there: only the clock may have been set, and nothing has to be waited for to see that.
      void this.#look.join(() => this.#lookNow())
      return
    }
    if (!this.#look.isRunning) runInBackground(this.#options.background, () => this.#look.join(() => this.#lookNow()))
  }

  /** Looks at the store; when that fails, the next look is due in a second. */
  async #lookNow(): Promise<true> {
    try {
      await this.read()
    } catch {
      this.#postpone(LOOK_AGAIN_MS)
    }
    return true
  }

  /** These log-ins were ended: nothing of them is to be stored any more. */
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
