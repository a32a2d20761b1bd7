import {
  ReauthorizationRequiredError,
  StoreError,
  isEvergrantError,
  type ReauthorizationReason,
} from '../model/errors.ts'
import type { Redeemed } from '../client/internal-client.ts'
import { encodeKey } from '../model/grant-key.ts'
import type { CommitAnswer, Failures, GrantContent, GrantRecord, ReleaseRequest } from '../stores/store.ts'
import { makeToken, type Token } from '../model/token.ts'
import { nextFailures, refusedTooLong } from './backoff.ts'
import { contentOf } from './envelope.ts'
import { keepLease } from './lease.ts'
import { capturedToken, codeOf, isComplete, meaningOf, retryAfterOf, wantsUser, type Meaning } from './failure.ts'
import { persistently } from './persistently.ts'
import type { Flight, Outcome, Redeeming } from './redemption.ts'
import { revocationEndsPerson } from './revoke.ts'

/** What a redemption ended with. */
export type Answer = { readonly redeemed: Redeemed } | { readonly error: unknown }

/** What one token request's answer does to the grant: commit, verdict, or release with a back-off (the table "What an answer means"). */
export class Conclusion {
  readonly #context: Redeeming
  readonly #flight: Flight

  constructor(context: Redeeming, flight: Flight) {
    this.#context = context
    this.#flight = flight
  }

  async of(answer: Answer): Promise<Outcome> {
    if ('redeemed' in answer) return this.#succeed(answer.redeemed)
    return this.#fail(answer.error)
  }

  async release(request: Omit<ReleaseRequest, 'owner'>): Promise<void> {
    try {
      const { owner, record } = this.#flight
      await this.#context.store.release(this.#context.key, { owner, ...request }, record)
    } catch (error) {
      // The lease ends by itself, and an open intent is waited for: safe, only slower.
      this.#context.logger?.warn('evergrant: a lease could not be released', {
        code: isEvergrantError(error) ? error.code : 'unexpected_error',
      })
    }
  }

  async #succeed({ token, scopeChanged, idTokenDropped }: Redeemed): Promise<Outcome> {
    const { clock, health, key, logger } = this.#context
    const outcome = await this.#commit(token)
    health.succeeded()
    if (outcome.kind !== 'renewed') return outcome
    const durationMs = Math.round(this.#flight.sinceClaim())
    logger?.info('evergrant: refreshed', { ...key, cause: this.#flight.cause, durationMs })
    const event = {
      key,
      at: clock.now(),
      cause: this.#flight.cause,
      durationMs,
      ...(scopeChanged && { scopeChanged }),
      ...(idTokenDropped && { idTokenDropped }),
    }
    return { ...outcome, event }
  }

  /** Saves a token by id and version, whether or not the lease is still ours, until the outcome is known. */
  async #commit(token: Token, extra: { dead?: ReauthorizationReason; failures?: Failures } = {}): Promise<Outcome> {
    const { adoptLate, obtain, policy, saver } = this.#context
    const { record, seal, toStore } = this.#flight
    const stored = toStore(this.#withEnd(token))
    let content: GrantContent | undefined
    const commitOver = async (version: number): Promise<CommitAnswer> => {
      // Made once: a repeat is unchanged.
      content ??= contentOf(stored, await seal(stored), {
        policy,
        obtainable: obtain !== undefined,
        dead: extra.dead,
      })
      const commit = { id: record.id, version, ...content, failures: extra.failures }
      return this.#context.store.commit(this.#context.key, commit, record)
    }
    const write = async (): Promise<Outcome> => {
      const answer = await commitOver(record.version)
      if (answer.committed && answer.record !== undefined)
        return { kind: 'renewed', record: answer.record, token, unsaved: false }
      return this.#lost(answer.record, token, content?.sealed, commitOver)
    }
    const known = await saver.save(write, adoptLate)
    if (known !== undefined) return known
    const saved = new AbortController()
    void keepLease(this.#context, this.#flight, saved.signal)
    void saver.idle().then(() => saved.abort())
    return { kind: 'renewed', record, token: this.#flight.toNow(token), unsaved: true }
  }

  /** Where the provider ends grants whatever is done, a rotated refresh token has no later end than the first. */
  #withEnd(token: Token): Token {
    const end = this.#flight.token?.refreshTokenExpiresAt
    if (this.#context.core.provider.refresh?.absoluteLifetimeMs === undefined || end === undefined) return token
    return makeToken({ ...token, refreshTokenExpiresAt: Math.min(end, token.refreshTokenExpiresAt ?? end) })
  }

  /** Something else stands in the store than what this redemption started from. */
  async #lost(
    winner: GrantRecord | undefined,
    token: Token,
    sealed: string | undefined,
    commitOver: (version: number) => Promise<CommitAnswer>,
  ): Promise<Outcome> {
    const { core, key, logger } = this.#context
    const { record, hash } = this.#flight
    if (winner === undefined) {
      // Disconnected meanwhile: the new token must not stay alive at the provider.
      const mayRevoke = !revocationEndsPerson(core)
      const becomes = mayRevoke ? 'revoked' : 'dropped: a revocation would end what else the person has at the client'
      logger?.info(`evergrant: a refresh finished after its grant was disconnected; its token is ${becomes}`, {
        ...key,
      })
      if (mayRevoke) core.revoke(token).catch(() => undefined)
      return { kind: 'gone' }
    }
    if (winner.id !== record.id) return { kind: 'stored', record: winner }
    if (winner.sealed === sealed) return { kind: 'renewed', record: winner, token, unsaved: false }
    const premature =
      winner.state === 'reauthorization_required' &&
      winner.version === record.version + 1 &&
      winner.intent?.hash === hash
    if (premature) {
      const answer = await commitOver(winner.version)
      if (answer.committed && answer.record !== undefined)
        return { kind: 'renewed', record: answer.record, token, unsaved: false }
      if (answer.record?.sealed === sealed && answer.record !== undefined)
        return { kind: 'renewed', record: answer.record, token, unsaved: false }
      return answer.record === undefined ? { kind: 'gone' } : { kind: 'stored', record: answer.record }
    }
    // The first commit wins: both answers came from the provider, and no clock or count could rank them.
    logger?.warn('evergrant: another process committed a token for the same version first; its token is kept', {
      ...key,
    })
    return { kind: 'stored', record: winner }
  }

  async #fail(error: unknown): Promise<Outcome> {
    const { core, obtain } = this.#context
    const { token } = this.#flight
    let meaning = meaningOf(error, token, core.provider.refresh?.deadGrantErrors ?? [])
    // Nothing was redeemed: a refusal speaks of the request, and the user can't mend it by logging in.
    const consumed = meaning === 'dead' || (meaning === 'unknown' && isComplete(error))
    if (obtain !== undefined && token?.refreshToken === undefined && consumed) meaning = 'call'
    switch (meaning) {
      case 'dead':
        return this.#judge(error, wantsUser(error) ? 'interaction_required' : this.#deadReason())
      case 'identity_changed':
      case 'captured':
        return this.#keepCaptured(error, meaning)
      case 'registration':
        return this.#refuseClient(error)
      case 'unsent':
        await this.release({ spent: 'no' })
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

  /** A second look at the store before a grant is called dead; the verdict needs the lease. */
  async #judge(error: unknown, reason: ReauthorizationReason): Promise<Outcome> {
    const { health, key, store, storeClock } = this.#context
    const { record } = this.#flight
    const { record: current } = await storeClock.ask(() => store.read(key))
    if (current === undefined) return { kind: 'gone' }
    if (current.id !== record.id || current.version !== record.version) return { kind: 'stored', record: current }
    if (record.state !== 'active') {
      // One more try for a dead grant: it stays as it is, and that was told before.
      await this.release({ spent: 'no' })
      return { kind: 'stored', record: current }
    }
    if (!health.died(encodeKey(key), codeOf(error, 'dead'))) return this.#backOff(error, 'later')
    return declareDead(this.#context, this.#flight, reason, error)
  }

  /** The answer can't be used, but the refresh token in it is the live one: it is saved, with the old access token. */
  async #keepCaptured(error: unknown, meaning: 'identity_changed' | 'captured'): Promise<Outcome> {
    const { clock, emitter, key, logger, storeClock } = this.#context
    const { record, token } = this.#flight
    const kept = capturedToken(error) ?? token
    if (kept === undefined) throw error
    if (meaning === 'identity_changed') {
      const outcome = await this.#commit(kept, { dead: 'identity_changed' })
      logger?.error('evergrant: a refresh answered with the identity of another user; its access token is withheld', {
        ...key,
      })
      emitter.emit('reauthorization_required', { key, at: clock.now(), reason: 'identity_changed' })
      if (outcome.kind === 'renewed') throw new ReauthorizationRequiredError(key, 'identity_changed')
      return outcome
    }
    const failures = this.#note(error, meaning, record.failures)
    const outcome = await this.#commit(kept, { failures })
    this.#tell(error, meaning, storeClock.toLocal(failures.notBefore))
    if (outcome.kind === 'renewed') throw error
    return outcome
  }

  /** The registration is wrong, or this grant: the grant backs off, the client when it is refused for others too. */
  async #refuseClient(error: unknown): Promise<Outcome> {
    const { clock, health, key, storeClock } = this.#context
    const failures = this.#note(error, 'registration', this.#flight.record.failures)
    health.refused(encodeKey(key), codeOf(error, 'registration'))
    await this.release({ spent: 'no', failures })
    this.#tell(error, 'registration', Math.max(storeClock.toLocal(failures.notBefore), clock.now() + health.waitMs))
    throw error
  }

  async #backOff(error: unknown, meaning: Meaning): Promise<Outcome> {
    const failures = this.#note(error, meaning, this.#flight.record.failures)
    if (meaning === 'refused' && refusedTooLong(failures)) return this.#judge(error, 'refused')
    const unknown = meaning === 'unknown'
    const settled = unknown && isComplete(error)
    await this.release({ spent: unknown ? 'unknown' : 'no', settled, failures })
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

/** Saves a verdict, which needs the lease, and tells it once. */
export async function declareDead(
  context: Redeeming,
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
    // Another took the lease over: its answer decides.
    return { kind: 'busy', waitMs: 1, leaseMs: 1 }
  }
  return { kind: 'stored', record: answer.record, ...(answer.committed && { cause }) }
}

/** Says when the next attempt may be made, where the provider named no time. */
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
