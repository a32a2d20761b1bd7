import type { InternalClient } from '../client/internal-client.ts'
import { type Clock, startTimer, stopwatch } from '../util/clock.ts'
import { CallbackError, StoreError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import { type Background, runInBackground } from '../refresh/background.ts'
import { within } from '../util/async.ts'
import type { Identity } from '../refresh/identity.ts'
import { maySucceedLater } from '../refresh/persistently.ts'
import { revocationEndsPerson, revokeWithRetries } from '../refresh/revoke.ts'

/** How long a caller waits for the store, in ms. */
export const CALLER_WAITS_MS = 10_000
/** How long the save continues in the background, in ms. */
const SAVING_MS = 60_000
const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 1000

/** A login as it was saved. */
export interface SavedLogin {
  readonly record: GrantRecord
  readonly identityChanged: boolean
}

/** What saving a login requires. */
export interface Saving {
  readonly clock: Required<Clock>
  readonly background: Background
  readonly logger: Logger | undefined
  readonly save: (key: GrantKey, core: InternalClient, token: Token) => Promise<SavedLogin>
}

/** Repeats work until it succeeds, cannot succeed, or has taken `ms`. */
export async function insist<T>(clock: Required<Clock>, ms: number, work: () => Promise<T>): Promise<T> {
  const took = stopwatch(clock)
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS)) {
    try {
      return await work()
    } catch (error) {
      if (!maySucceedLater(error) || took() >= ms) throw error
    }
    await clock.delay(delayMs)
  }
}

/** A login whose code is exchanged: its token exists only here until it is saved. */
export class UnsavedLogin {
  readonly core: InternalClient
  readonly token: Token
  /** The user, once the provider named one. */
  identity: Identity | undefined
  /** The key of the grant, once it is decided. */
  key: GrantKey | undefined
  readonly #saving: Saving
  readonly #endsAt: number
  #running: Promise<SavedLogin> | undefined
  #stopTimer: () => void = () => undefined
  #over = false
  #givenUp = false

  /** `endsAt`: from then on no callback can ask for it, and an unsaved token is given up. */
  constructor(saving: Saving, core: InternalClient, token: Token, endsAt: number) {
    this.#saving = saving
    this.core = core
    this.token = token
    this.#endsAt = endsAt
    const { clock } = saving
    this.#stopTimer = startTimer(clock, Math.max(endsAt - clock.now(), 0), () => void this.giveUp())
  }

  /** Whether it is saved, dropped or given up. */
  get isOver(): boolean {
    return this.#over
  }

  /**
   * Saves it. The save continues when the caller's wait is over, and again with the next call.
   * @throws StoreError; an error that no repeat fixes; CallbackError if it was given up, since its token may be revoked
   */
  async save(key: GrantKey): Promise<SavedLogin> {
    if (this.#givenUp) throw new CallbackError('expired_login', 'The login was started more than 15 minutes ago.')
    this.key = key
    const { background, clock } = this.#saving
    if (this.#running === undefined) {
      const running = this.#save(key)
      this.#running = running
      runInBackground(background, () => running)
      running.catch(() => undefined)
    }
    const saved = await within(this.#running, clock, CALLER_WAITS_MS)
    if (saved !== undefined) return saved
    throw new StoreError(
      'The login could not be saved yet. Nothing is lost: it is tried for a minute more. Repeat the same callback.',
    )
  }

  async #save(key: GrantKey): Promise<SavedLogin> {
    const { clock, save } = this.#saving
    try {
      const saved = await insist(clock, SAVING_MS, () => save(key, this.core, this.token))
      this.drop()
      return saved
    } catch (error) {
      this.#running = undefined
      if (!maySucceedLater(error) || clock.now() >= this.#endsAt) await this.giveUp()
      throw error
    }
  }

  /** Stops all work on it. */
  drop(): void {
    this.#over = true
    this.#stopTimer()
  }

  /** Waits for a save in progress, then gives up what is not saved. */
  async close(): Promise<void> {
    await this.#running?.catch(() => undefined)
    await this.giveUp(AbortSignal.abort())
  }

  /** Revokes at the provider what will never be used, unless that would end more than this grant. */
  async giveUp(noRetries: AbortSignal = new AbortController().signal): Promise<void> {
    if (this.#over || this.#running !== undefined) return
    this.#givenUp = true
    this.drop()
    const { clock, logger } = this.#saving
    logger?.error('evergrant: a login could not be saved, and is given up', { ...this.key })
    if (!revocationEndsPerson(this.core)) await revokeWithRetries(this.core, this.token, { clock, logger, noRetries })
  }
}
