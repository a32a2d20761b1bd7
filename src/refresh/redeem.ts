import type { Redeem, Redeemed } from '../client/flows/refresh-token.ts'
import { stopwatch } from '../util/clock.ts'
import { ConfigError, ProviderUnavailableError, StoreError, type ReauthorizationReason } from '../model/errors.ts'
import type { RefreshCause } from '../model/events.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { ClaimAnswer, ClaimRequest, GrantRecord } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import { within } from '../util/async.ts'
import { TokenCommit } from './commit-token.ts'
import { declareDead, FailureJudge } from './judge-failure.ts'
import { sameVersion } from './cached-grant.ts'
import { keepLease, releaseLease } from './lease.ts'
import { assertOrigin } from './origin.ts'
import { isUnknown } from './persistently.ts'
import { hashOf, randomId } from '../util/crypto.ts'
import type { Flight, Outcome, RedemptionContext } from './redemption.ts'

/** Number of claims whose time to send ran out before sending, or whose outcome stayed unknown. */
const CLAIM_TRIES = 3
const CLAIM_RETRY_MS = 50

/** Longer than the pause between a failed save and its repeat. */
const HOLDER_SAVES_WITHIN_MS = 1500

/** What a redemption prepares. */
interface Prepared extends Pick<Flight, 'hash' | 'seal'> {
  readonly send: Redeem
}

/**
 * Redeems under a lease, in the order of the refresh protocol: prepare, claim with the intent, send, capture, commit.
 */
export class Redeemer {
  readonly #context: RedemptionContext

  constructor(context: RedemptionContext) {
    this.#context = context
  }

  /** How long after its claim a request may still be sent: the rest of the lease is for its response. */
  get #sendMs(): number {
    const { leaseMs, timeoutMs } = this.#context.policy
    return leaseMs - timeoutMs
  }

  /**
   * Redeems the grant as `record` and `token` describe it.
   * @throws the failure that the token endpoint's response means; StoreError if the claim cannot be made, and then
   * nothing was sent
   */
  async redeem(
    record: GrantRecord,
    token: Token | undefined,
    options: { cause: RefreshCause; force: boolean },
  ): Promise<Outcome> {
    const { policy, saver, key } = this.#context
    const waitMs = options.force ? 0 : this.#clientWaitMs(record)
    if (waitMs > 0) {
      throw new ProviderUnavailableError(
        `The provider rejects client '${key.client}' itself. Check its registration; the next attempt is possible in ${waitMs} ms.`,
        { retryAfterMs: waitMs, maybeProcessed: false },
      )
    }
    const prepared = await within(this.#prepare(record, token), this.#context.clock, policy.timeoutMs)
    if (prepared === undefined) {
      throw new ProviderUnavailableError(
        `Preparing a refresh of client '${key.client}' (metadata, client secret, sealing key) took longer than ${policy.timeoutMs} ms. Nothing was sent; try again.`,
        { maybeProcessed: false },
      )
    }
    const { hash, send, seal } = prepared
    const owner = randomId()
    for (let attempt = 0; attempt < CLAIM_TRIES; attempt += 1) {
      const sinceClaim = stopwatch(this.#context.clock)
      const answer = await this.#claim(record, { owner, hash, force: options.force })
      if (answer.outcome === 'changed')
        return answer.record === undefined ? { kind: 'gone' } : { kind: 'stored', record: answer.record }
      if (answer.outcome === 'busy') return { kind: 'busy', waitMs: answer.waitMs, leaseMs: answer.leaseMs }
      if (answer.outcome === 'later') return { kind: 'later', until: answer.until, code: answer.code }
      if (answer.takeover && !policy.forgiving) {
        const saved = await this.#savedByHolder(record, owner)
        if (saved !== undefined) return saved
      }
      if (!this.#mayStillSend(sinceClaim)) continue
      const everUnknown = answer.record.intent?.everUnknown ?? false
      const flight: Flight = {
        owner,
        record: answer.record,
        token,
        hash,
        cause: options.cause,
        seal,
        toStore: this.#context.storeClock.teller(),
        toNow: this.#context.storeClock.mover(),
        sinceClaim,
        everUnknown,
      }
      if (saver.unsaved) {
        await releaseLease(this.#context, flight, { spent: 'no' })
        return { kind: 'busy', waitMs: 1, leaseMs: 1 }
      }
      return this.#send(flight, send)
    }
    await this.#releaseQuietly(owner)
    throw new StoreError(
      `The store took longer than ${this.#sendMs} ms to grant the lease of a refresh. Nothing was sent; try again, or raise policy.leaseMs.`,
    )
  }

  /** How long the client may not be used. A grant that backs off on its own account takes no other grant's turn. */
  #clientWaitMs({ failures }: GrantRecord): number {
    const { clock, health, storeClock } = this.#context
    const ownMs = failures === undefined ? 0 : storeClock.toLocal(failures.notBefore) - clock.now()
    const waitMs = ownMs > 0 ? health.waitMs : health.admit()
    return waitMs === 0 ? 0 : Math.max(waitMs, Math.ceil(ownMs))
  }

  /** Whether the lease is certain to be valid when a request is sent: counted from before the claim, with a margin. */
  #mayStillSend(sinceClaim: () => number): boolean {
    return sinceClaim() <= this.#sendMs * 0.9
  }

  /** Marks a grant as ended that cannot be refreshed: its access token expired and there is nothing to redeem. */
  async condemn(record: GrantRecord, reason: ReauthorizationReason): Promise<Outcome> {
    const owner = randomId()
    const answer = await this.#claim(record, { owner, hash: '', force: true })
    if (answer.outcome === 'changed')
      return answer.record === undefined ? { kind: 'gone' } : { kind: 'stored', record: answer.record }
    if (answer.outcome === 'busy') return { kind: 'busy', waitMs: answer.waitMs, leaseMs: answer.leaseMs }
    if (answer.outcome === 'later') return { kind: 'later', until: answer.until, code: answer.code }
    return declareDead(this.#context, { record: answer.record, owner }, reason)
  }

  /** Does everything that can fail without the provider: nothing of it remains after the response. */
  async #prepare(record: GrantRecord, token: Token | undefined): Promise<Prepared> {
    const { core, key, obtain, sealer } = this.#context
    assertOrigin(record, core.clientId, await core.issuer(), core.formerIssuers)
    const [send, seal, hash] = await Promise.all([
      this.#request(token),
      sealer.prepare(key, record.id),
      obtain === undefined ? hashOf(token?.refreshToken ?? '') : 'obtain',
    ])
    return { send, seal, hash }
  }

  async #request(token: Token | undefined): Promise<Redeem> {
    const { core, obtain } = this.#context
    if (obtain !== undefined)
      return async (): Promise<Redeemed> => ({
        token: checkedToken(await obtain()),
        scopeChanged: false,
        idTokenDropped: false,
      })
    if (token === undefined)
      throw new ConfigError('There is no token to refresh. Save one, or pass an `obtain` function.')
    return core.prepareRedemption(token)
  }

  /**
   * The previous holder may still run and have the new token: a store outage longer than lease and settle time may have
   * prevented its save. It retries at least once a second, and gets that time before the old refresh token is sent.
   */
  async #savedByHolder(record: GrantRecord, owner: string): Promise<Outcome | undefined> {
    const { clock, key, store, storeClock } = this.#context
    await clock.delay(Math.min(HOLDER_SAVES_WITHIN_MS, this.#sendMs / 2))
    try {
      const { record: current } = await storeClock.ask(() => store.read(key))
      if (current === undefined) return { kind: 'gone' }
      return sameVersion({ record }, { record: current }) ? undefined : { kind: 'stored', record: current }
    } catch (error) {
      void this.#releaseQuietly(owner)
      throw error
    }
  }

  /** Repeats a claim whose outcome is unknown with the same owner, so that the store returns the first claim. */
  async #claim(record: GrantRecord, flight: { owner: string; hash: string; force: boolean }): Promise<ClaimAnswer> {
    const { clock, key, policy, store, storeClock } = this.#context
    const took = stopwatch(clock)
    for (let attempt = 1; ; attempt += 1) {
      try {
        const request: ClaimRequest = {
          id: record.id,
          version: record.version,
          owner: flight.owner,
          leaseMs: policy.leaseMs,
          settleMs: policy.settleMs,
          repeatWithinMs: policy.repeatWithinMs,
          intent: { hash: flight.hash, sendWithinMs: this.#sendMs },
          force: flight.force,
        }
        return await storeClock.ask(() => store.claim(key, request, record))
      } catch (error) {
        // After this time the lease would be useless.
        if (attempt === CLAIM_TRIES || took() > policy.leaseMs / 2 || !isUnknown(error)) {
          void this.#releaseQuietly(flight.owner)
          throw error
        }
        await clock.delay(CLAIM_RETRY_MS)
      }
    }
  }

  async #releaseQuietly(owner: string): Promise<void> {
    try {
      await this.#context.store.release(this.#context.key, { owner, spent: 'no' })
    } catch {
      // The lease then expires.
    }
  }

  #conclude(flight: Flight, answer: Answer): Promise<Outcome> {
    if ('redeemed' in answer) return new TokenCommit(this.#context, flight).succeed(answer.redeemed)
    return new FailureJudge(this.#context, flight).judge(answer.error)
  }

  /**
   * Sends one request. The deadline ends the callers' wait, not the request: a late response is handled like any other.
   */
  async #send(flight: Flight, send: Redeem): Promise<Outcome> {
    const { clock, observeRequest, policy } = this.#context
    const socket = new AbortController()
    const mayStillSend = (): boolean => this.#mayStillSend(flight.sinceClaim)
    const answer = send({ signal: socket.signal, mayStillSend, observeRequest }).then(
      (redeemed) => ({ redeemed }),
      (error: unknown) => ({ error }),
    )
    const inTime = await within(answer, clock, policy.timeoutMs)
    if (inTime !== undefined) return this.#conclude(flight, inTime)
    const answerEndsMs = policy.leaseMs + policy.settleMs
    this.#context.goOn(async () => {
      const ended = new AbortController()
      // A machine that slept has no response to wait for: its lease must not be renewed for the same time again.
      void keepLease(this.#context, flight, ended.signal, () => flight.sinceClaim() < answerEndsMs)
      try {
        const late = await within(answer, clock, policy.settleMs, { idle: true })
        if (late === undefined) socket.abort()
        const outcome = await this.#conclude(
          flight,
          late ?? { error: noAnswer(this.#context.key, policy.timeoutMs + policy.settleMs) },
        )
        await this.#context.adoptLate(outcome)
      } catch {
        // The failure was reported where it was judged. No caller waits for it here.
      } finally {
        ended.abort()
      }
    })
    throw noAnswer(this.#context.key, policy.timeoutMs, policy.settleMs)
  }
}

/** The result of a redemption. */
type Answer = { readonly redeemed: Redeemed } | { readonly error: unknown }

/** Checks what the application's function returned: without a token there is nothing to save or return. */
function checkedToken(token: Token): Token {
  const { accessToken } = (token as Partial<Token> | undefined | null) ?? {}
  if (typeof accessToken === 'string' && accessToken !== '') return token
  throw new ConfigError(
    'Expected `obtain` to resolve to a token with an accessToken. Return the result of client.clientCredentials() or a similar method, or importToken(response).',
  )
}

function noAnswer(key: GrantKey, waitedMs: number, retryAfterMs?: number): ProviderUnavailableError {
  return new ProviderUnavailableError(
    `The token endpoint of client '${key.client}' did not respond within ${waitedMs} ms. The grant is kept; try again later.`,
    { retryAfterMs, maybeProcessed: true },
  )
}
