import { GrantNotFoundError, StoreError } from '../errors.ts'
import { RECORD_SCHEMA, type GrantRecord, type NewGrant } from '../stores/store.ts'
import type { Token } from '../token.ts'
import { runInBackground } from './background.ts'
import { before } from './before.ts'
import { contentOf } from './envelope.ts'
import { assertKnownSchema, hold, isOlder, sameVersion, type Held } from './held.ts'
import type { KeeperOptions } from './keeper-options.ts'
import { assertOrigin } from './origin.ts'
import type { ResolvedPolicy } from './policy.ts'
import { randomId } from './random.ts'
import { shifted, type StoreClock } from './store-clock.ts'

/** How long a caller waits for a look at the store that is overdue, when it could be served without. */
const LOOK_PATIENCE_MS = 1000
/** After a look that failed, the next is due. */
const LOOK_AGAIN_MS = 1000

/** What this process knows of one grant, and how old that knowledge may get. */
export class Memory {
  readonly #options: KeeperOptions
  readonly #policy: ResolvedPolicy
  readonly #storeClock: StoreClock
  /** Whether memory is ahead of the store: a token waits to be saved. */
  readonly #ahead: () => boolean
  #held: Held | undefined
  #seed: Token | undefined
  #look: Promise<void> | undefined
  #lookedAt = 0
  #lookDueAt = 0
  #lookOverdueAt = 0
  #freshUntil = 0

  constructor(options: KeeperOptions, policy: ResolvedPolicy, storeClock: StoreClock, ahead: () => boolean) {
    this.#options = options
    this.#policy = policy
    this.#storeClock = storeClock
    this.#ahead = ahead
    this.#seed = options.seed
  }

  get #handOut(): readonly string[] | undefined {
    return this.#options.core.provider.handOut
  }

  get held(): Held | undefined {
    return this.#held
  }

  /** The token that there is to store when nothing is stored yet. */
  get seed(): Token | undefined {
    return this.#seed
  }

  /** What is held while the token is fresh and the last look at the store young enough: it answers every caller at once. */
  atOnce(): Held | undefined {
    const now = this.#options.clock.now()
    // A clock that was set back makes the last look doubtful.
    if (now >= this.#freshUntil || now >= this.#lookOverdueAt || now < this.#lookedAt) return undefined
    if (now >= this.#lookDueAt) this.#lookInBackground()
    return this.#held
  }

  /** Takes a record of the store into memory. */
  async adopt(record: GrantRecord): Promise<Held> {
    assertKnownSchema(record)
    const { core } = this.#options
    assertOrigin(record, core.clientId, core.knownIssuer)
    const known = this.#known(record)
    if (known !== undefined) return known
    const stored = await this.#options.sealer.open(record.key, record.id, record.sealed)
    // Memory may have moved on while the seal was opened.
    return (
      this.#known(record) ??
      this.#hold(hold(record, stored === undefined ? undefined : this.#storeClock.tokenToLocal(stored), this.#handOut))
    )
  }

  /** What is held, where the record brings nothing newer. */
  #known(record: GrantRecord): Held | undefined {
    const held = this.#held
    if (held === undefined || isOlder(record, held.record)) return held
    if (!sameVersion(held, { record })) return undefined
    // The record of an unsaved token's version is that of the token before it.
    return held.unsaved ? held : this.#hold(this.#retimed(held, record))
  }

  /** The clock may have been set since the token was taken: its expiry is the record's, by the store's time as it is known now. */
  #retimed(held: Held, record: GrantRecord): Held {
    const { token } = held
    if (token?.expiresAt === undefined || record.expiresAt === undefined) return { ...held, record }
    const ms = this.#storeClock.toLocal(record.expiresAt) - token.expiresAt
    return ms === 0 ? { ...held, record } : hold(record, shifted(token, ms), this.#handOut)
  }

  /** Takes what a redemption brought: `token` in this process's time; `unsaved` while the record is not the store's yet. */
  renew(record: GrantRecord, token: Token, unsaved: boolean): Held | undefined {
    if (this.#held !== undefined && isOlder(record, this.#held.record)) return this.#held
    // The log-in was ended or replaced while the request was out: what the store makes of its token is not known.
    if (unsaved && this.#held?.record.id !== record.id) return this.#held
    const held = hold(record, token, this.#handOut, unsaved)
    return this.#hold(unsaved ? held : this.#retimed(held, record))
  }

  #hold(held: Held): Held {
    this.#held = held
    this.#lookedAt = this.#options.clock.now()
    const { alone } = this.#options
    const { revalidateMs } = this.#policy
    this.#lookDueAt = alone ? Number.POSITIVE_INFINITY : this.#lookedAt + revalidateMs
    // Without background work, the caller looks as soon as a look is due.
    const patience = this.#options.background === 'none' ? 1 : 2
    this.#lookOverdueAt = alone ? Number.POSITIVE_INFINITY : this.#lookedAt + patience * revalidateMs
    this.#freshUntil = 0
    if (held.token !== undefined && held.record.state === 'active') {
      const { earlyMs, spentMs } = this.#policy.margins(held.token)
      const margin = held.record.renewable ? Math.max(earlyMs, spentMs) : 0
      this.#freshUntil = held.token.expiresAt === undefined ? Number.POSITIVE_INFINITY : held.token.expiresAt - margin
    }
    return held
  }

  /** Forgets what this process knows of the grant. */
  forget(): void {
    this.#held = undefined
    this.#freshUntil = 0
  }

  /** Looks at the store. */
  async read(): Promise<Held | undefined> {
    // Memory is ahead of the store while a token is unsaved.
    if (this.#ahead() && this.#held !== undefined) return this.#held
    const held = this.#held
    const { record } = await this.#storeClock.ask(() => this.#options.store.read(this.#options.key))
    if (record !== undefined) return this.adopt(record)
    // A log-in that was stored here meanwhile is newer than this look.
    if (this.#held !== undefined && !sameVersion(held, this.#held)) return this.#held
    this.forget()
    return undefined
  }

  /** Where nothing is stored: puts the seed there, or, for a grant that the application obtains by itself, its place. */
  async place(): Promise<Held> {
    const { obtain, sealer, store, alone } = this.#options
    const seed = this.#seed
    if (seed === undefined && obtain === undefined) throw new GrantNotFoundError(this.#options.key)
    const id = randomId()
    const issuer = alone ? '' : await this.#options.core.issuer()
    const sealed = await sealer.seal(this.#options.key, id, seed)
    const content =
      seed === undefined
        ? { state: 'active' as const, sealed, renewable: true, refreshAfter: undefined }
        : contentOf(seed, sealed, { policy: this.#policy, obtainable: obtain !== undefined })
    const grant: NewGrant = {
      ...content,
      lastRefreshedAt: undefined,
      id,
      issuer,
      clientId: this.#options.core.clientId,
      schema: RECORD_SCHEMA,
    }
    const answer = await this.#storeClock.ask(() => store.put(this.#options.key, grant, { id: undefined }))
    if (answer.record === undefined)
      throw new StoreError('The store answered a write without the record. It does not keep the store contract.')
    this.#seed = undefined
    return this.adopt(answer.record)
  }

  /** A disconnected or replaced grant must not be served for long; a store that is down must not stop anybody. */
  async revalidate(): Promise<void> {
    const now = this.#options.clock.now()
    if (now < this.#lookDueAt && now >= this.#lookedAt) return
    if (now < this.#lookOverdueAt && now >= this.#lookedAt) {
      this.#lookInBackground()
      return
    }
    const looked = this.#lookOnce().then(() => true)
    // One that hangs is waited for once, not by every caller.
    if ((await before(looked, this.#options.clock, LOOK_PATIENCE_MS)) === undefined)
      this.#postpone(this.#policy.revalidateMs)
  }

  #postpone(ms: number): void {
    const now = this.#options.clock.now()
    this.#lookedAt = Math.min(this.#lookedAt, now)
    this.#lookDueAt = now + ms
    this.#lookOverdueAt = now + 2 * ms
  }

  #lookInBackground(): void {
    if (this.#look === undefined) runInBackground(this.#options.background, () => this.#lookOnce())
  }

  /** Looks at the store; when that fails, the next look is due in a second. */
  #lookOnce(): Promise<void> {
    this.#look ??= this.read()
      .then(
        () => undefined,
        () => this.#postpone(LOOK_AGAIN_MS),
      )
      .finally(() => {
        this.#look = undefined
      })
    return this.#look
  }

  /** These log-ins were ended: nothing of them is to be stored any more. */
  end(ids: readonly (string | undefined)[]): void {
    this.#seed = undefined
    if (ids.includes(this.#held?.record.id)) this.forget()
  }
}
