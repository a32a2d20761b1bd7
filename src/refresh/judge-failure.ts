import {
  ReauthorizationRequiredError,
  StoreError,
  isEvergrantError,
  type ReauthorizationReason,
} from '../model/errors.ts'
import { encodeKey } from '../model/grant-key.ts'
import type { Failures } from '../stores/store.ts'
import { TokenCommit } from './commit-token.ts'
import {
  nextFailures,
  refusedTooLong,
  capturedToken,
  codeOf,
  isComplete,
  meaningOf,
  retryAfterOf,
  wantsUser,
  type Meaning,
} from './failure.ts'
import { releaseLease } from './lease.ts'
import { persistently } from './persistently.ts'
import type { Flight, Outcome, RedemptionContext } from './redemption.ts'

/** Judges what a failed token request means for its grant: a verdict, or a release with a back-off. */
export class FailureJudge {
  readonly #context: RedemptionContext
  readonly #flight: Flight

  constructor(context: RedemptionContext, flight: Flight) {
    this.#context = context
    this.#flight = flight
  }

  async judge(error: unknown): Promise<Outcome> {
    const { core, obtain } = this.#context
    const { token } = this.#flight
    let meaning = meaningOf(error, token, core.provider.refresh?.deadGrantErrors ?? [])
    // No refresh token was sent: the refusal concerns the request, and a login would not fix it.
    const consumed = meaning === 'dead' || (meaning === 'unknown' && isComplete(error))
    if (obtain !== undefined && token?.refreshToken === undefined && consumed) meaning = 'request'
    switch (meaning) {
      case 'dead':
        return this.#declareDead(error, wantsUser(error) ? 'interaction_required' : this.#deadReason())
      case 'identity_changed':
      case 'captured':
        return this.#keepCaptured(error, meaning)
      case 'registration':
        return this.#refuseClient(error)
      case 'unsent':
        await releaseLease(this.#context, this.#flight, { spent: 'no' })
        throw error
      default:
        return this.#backOff(error, meaning)
    }
  }

  #deadReason(): ReauthorizationReason {
    const end = this.#flight.token?.refreshTokenExpiresAt
    if (end !== undefined && end <= this.#context.clock.now()) return 'expired'
    return this.#flight.everUnknown ? 'answer_lost' : 'revoked'
  }

  /** Reads the store a second time before a grant is marked as ended. The verdict needs the lease. */
  async #declareDead(error: unknown, reason: ReauthorizationReason): Promise<Outcome> {
    const { health, key, store, storeClock } = this.#context
    const { record } = this.#flight
    const { record: current } = await storeClock.ask(() => store.read(key))
    if (current === undefined) return { kind: 'gone' }
    if (current.id !== record.id || current.version !== record.version) return { kind: 'stored', record: current }
    if (record.state !== 'active') {
      // A recheck of an ended grant: it stays as it is, and its event was emitted before.
      await releaseLease(this.#context, this.#flight, { spent: 'no' })
      return { kind: 'stored', record: current }
    }
    if (!health.died(encodeKey(key), codeOf(error, 'dead'))) return this.#backOff(error, 'later')
    return declareDead(this.#context, this.#flight, reason, error)
  }

  /** The response cannot be used, but its refresh token is the valid one: it is saved with the old access token. */
  async #keepCaptured(error: unknown, meaning: 'identity_changed' | 'captured'): Promise<Outcome> {
    const { clock, emitter, key, logger, storeClock } = this.#context
    const { record, token } = this.#flight
    const kept = capturedToken(error) ?? token
    if (kept === undefined) throw error
    if (meaning === 'identity_changed') {
      const outcome = await new TokenCommit(this.#context, this.#flight).commit(kept, { dead: 'identity_changed' })
      logger?.error('evergrant: a refresh returned the identity of another user; its access token is withheld', {
        ...key,
      })
      emitter.emit('reauthorization_required', { key, at: clock.now(), reason: 'identity_changed' })
      if (outcome.kind === 'renewed') throw new ReauthorizationRequiredError(key, 'identity_changed')
      return outcome
    }
    const failures = this.#note(error, meaning, record.failures)
    const outcome = await new TokenCommit(this.#context, this.#flight).commit(kept, { failures })
    this.#tell(error, meaning, storeClock.toLocal(failures.notBefore))
    if (outcome.kind === 'renewed') throw error
    return outcome
  }

  /**
   * The registration or this grant is wrong: the grant backs off. The client backs off if it is refused for other
   * grants too.
   */
  async #refuseClient(error: unknown): Promise<Outcome> {
    const { clock, health, key, storeClock } = this.#context
    const failures = this.#note(error, 'registration', this.#flight.record.failures)
    health.refused(encodeKey(key), codeOf(error, 'registration'))
    await releaseLease(this.#context, this.#flight, { spent: 'no', failures })
    this.#tell(error, 'registration', Math.max(storeClock.toLocal(failures.notBefore), clock.now() + health.waitMs))
    throw error
  }

  async #backOff(error: unknown, meaning: Meaning): Promise<Outcome> {
    const failures = this.#note(error, meaning, this.#flight.record.failures)
    if (meaning === 'refused' && refusedTooLong(failures)) return this.#declareDead(error, 'refused')
    const unknown = meaning === 'unknown'
    const settled = unknown && isComplete(error)
    await releaseLease(this.#context, this.#flight, { spent: unknown ? 'unknown' : 'no', settled, failures })
    const backoffUntil = this.#context.storeClock.toLocal(failures.notBefore)
    this.#tell(error, meaning, backoffUntil)
    throw retryAfter(error, backoffUntil - this.#context.clock.now())
  }

  #note(error: unknown, meaning: Meaning, previous: Failures | undefined): Failures {
    return nextFailures(previous, {
      code: codeOf(error, meaning),
      now: this.#context.storeClock.now(),
      retryAfterMs: retryAfterOf(error),
    })
  }

  #tell(error: unknown, meaning: Meaning, backoffUntil: number): void {
    const { clock, emitter, key, logger } = this.#context
    const code = codeOf(error, meaning)
    const retryable = error instanceof StoreError || (isEvergrantError(error) && error.retryable)
    logger?.warn('evergrant: refresh failed', { ...key, code, retryable, backoffUntil })
    emitter.emit('refresh_failed', { key, at: clock.now(), code, retryable, backoffUntil })
  }
}

/** Saves a verdict, which needs the lease, and reports it once. */
export async function declareDead(
  context: RedemptionContext,
  flight: Pick<Flight, 'owner' | 'record'>,
  reason: ReauthorizationReason,
  cause?: unknown,
): Promise<Outcome> {
  const { clock, emitter, key, logger, store } = context
  const { owner, record } = flight
  const verdict = { id: record.id, version: record.version, owner, verdict: reason }
  const answer = await persistently(clock, () => store.commit(key, verdict, record))
  if (answer.record === undefined) return { kind: 'gone' }
  if (answer.committed) {
    logger?.warn('evergrant: reauthorization required', {
      ...key,
      reason,
      ...(cause !== undefined && { error: cause }),
    })
    emitter.emit('reauthorization_required', { key, at: clock.now(), reason })
  } else if (answer.record.id === record.id && answer.record.version === record.version) {
    // Another process took the lease over: its result decides.
    return { kind: 'busy', waitMs: 1, leaseMs: 1 }
  }
  return { kind: 'stored', record: answer.record, ...(answer.committed && { cause }) }
}

/** Adds the time of the next attempt if the provider named none. */
function retryAfter(error: unknown, ms: number): unknown {
  if (isEvergrantError(error) && error.retryable && error.retryAfterMs === undefined) {
    Object.defineProperty(error, 'retryAfterMs', {
      value: Math.max(0, Math.ceil(ms)),
      enumerable: true,
      configurable: true,
    })
  }
  return error
}
