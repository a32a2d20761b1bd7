import type { Redeemed } from '../client/flows/refresh-token.ts'
import { makeToken, type Token } from '../model/token.ts'
import type { ReauthorizationReason } from '../model/errors.ts'
import type { CommitAnswer, Failures, GrantContent, GrantRecord } from '../stores/store.ts'
import { keepLease } from './lease.ts'
import { contentOf } from './record-content.ts'
import type { Flight, Outcome, RedemptionContext } from './redemption.ts'
import { revocationEndsPerson, revokeWithRetries } from './revoke.ts'

/** Saves the token of one redemption. */
export class TokenCommit {
  readonly #context: RedemptionContext
  readonly #flight: Flight

  constructor(context: RedemptionContext, flight: Flight) {
    this.#context = context
    this.#flight = flight
  }

  async succeed({ token, scopeChanged, idTokenDropped }: Redeemed): Promise<Outcome> {
    const { clock, health, key, logger } = this.#context
    const outcome = await this.commit(token)
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

  /** Saves a token by id and version, even if the lease has expired, until the outcome is known. */
  async commit(token: Token, extra: { dead?: ReauthorizationReason; failures?: Failures } = {}): Promise<Outcome> {
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

  /** If the provider ends grants at a fixed time, a rotated refresh token ends no later than the first. */
  #withEnd(token: Token): Token {
    const end = this.#flight.token?.refreshTokenExpiresAt
    if (this.#context.core.provider.refresh?.absoluteLifetimeMs === undefined || end === undefined) return token
    return makeToken({ ...token, refreshTokenExpiresAt: Math.min(end, token.refreshTokenExpiresAt ?? end) })
  }

  /** Handles a record that differs from the one that this redemption started from. */
  async #lost(
    winner: GrantRecord | undefined,
    token: Token,
    sealed: string | undefined,
    commitOver: (version: number) => Promise<CommitAnswer>,
  ): Promise<Outcome> {
    const { clock, core, goOn, key, logger, whileOpen } = this.#context
    const { record, hash } = this.#flight
    if (winner === undefined) {
      // The grant was disconnected in the meantime: the new token must not stay valid at the provider.
      const mayRevoke = !revocationEndsPerson(core)
      const becomes = mayRevoke
        ? 'revoked'
        : 'dropped: a revocation would end other grants of the same user at the client'
      logger?.info(`evergrant: a refresh finished after its grant was disconnected; its token is ${becomes}`, {
        ...key,
      })
      if (mayRevoke) goOn(() => whileOpen((noRetries) => revokeWithRetries(core, token, { clock, logger, noRetries })))
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
    // The first commit wins: both responses came from the provider, and no clock or count could rank them.
    logger?.warn('evergrant: another process committed a token for the same version first; its token is kept', {
      ...key,
    })
    return { kind: 'stored', record: winner }
  }
}
