import { GrantNotFoundError, isEvergrantError, ReauthorizationRequiredError } from '../../src/model/errors.ts'
import type { ResolvedPolicy } from '../../src/refresh/policy.ts'
import type { AccessToken } from '../../src/model/token.ts'
import type { TokenOptions } from '../../src/model/token-source.ts'
import { tokenOf, type Ledger } from './ledger.ts'
import { EPOCH, type Process } from './process.ts'
import type { Server } from './server.ts'
import type { Timeline } from './timeline.ts'

/** The library ignores clock differences below a second, at the store's response and when a token request is sent. */
const NOISE_MS = 2000
/** A caller waits for an overdue read of the store for a second, plus the lag of timers. */
const LOOK_MS = 1100

/** Callers of tokens, and which tokens they may get: I3, I5, I8. */
export class Callers {
  readonly #timeline: Timeline
  readonly #ledger: Ledger
  readonly #server: Server
  readonly #policy: ResolvedPolicy
  readonly #lifetimeMs: number
  /** Whether clocks jump in this run. Then only the time that the process has learned can be checked. */
  readonly #jumps: boolean
  readonly #pauses: boolean
  readonly #exact: boolean
  /** The token that each process returned last, which it holds in memory. */
  readonly #known = new WeakMap<Process, AccessToken>()
  readonly #trace: ((line: string) => void) | undefined
  served = 0
  refused = 0

  constructor(world: {
    timeline: Timeline
    ledger: Ledger
    server: Server
    policy: ResolvedPolicy
    lifetimeMs: number
    jumps: boolean
    pauses: boolean
    exact: boolean
    trace: ((line: string) => void) | undefined
  }) {
    this.#trace = world.trace
    this.#timeline = world.timeline
    this.#ledger = world.ledger
    this.#server = world.server
    this.#policy = world.policy
    this.#lifetimeMs = world.lifetimeMs
    this.#jumps = world.jumps
    this.#pauses = world.pauses
    this.#exact = world.exact
  }

  knownTo(process: Process): AccessToken | undefined {
    return this.#known.get(process)
  }

  /** Disconnects the grant. The process need not return its token any longer. */
  async disconnect(process: Process): Promise<void> {
    const known = this.#known.get(process)
    const family = known && this.#server.access.get(known.accessToken)?.family
    if (family !== undefined) process.ended.add(family)
    await process.session.disconnect().catch(() => undefined)
  }

  /** Calls `token()`. Resolves to the token or the error. */
  async token(process: Process, want: TokenOptions = {}): Promise<AccessToken | Error> {
    return this.#watch(process, want, () => process.session.token(want))
  }

  async refresh(process: Process): Promise<AccessToken | Error> {
    return this.#watch(process, undefined, () => process.session.refresh())
  }

  async #watch(
    process: Process,
    want: TokenOptions | undefined,
    call: () => Promise<AccessToken>,
  ): Promise<AccessToken | Error> {
    const began = this.#timeline.now
    const known = this.#usable(process, want)
    const { spentMs } = this.#policy.margins({ receivedAt: 0, expiresAt: this.#lifetimeMs })
    const farMs = spentMs + NOISE_MS + LOOK_MS + this.#ledger.slowestMs
    const surely = known !== undefined && this.#left(known) > farMs
    let result: AccessToken | Error
    try {
      result = await call()
    } catch (error) {
      if (!isEvergrantError(error)) throw error
      result = error
    }
    if (!process.alive) return result
    this.#trace?.(
      `${this.#timeline.now} process ${process.index} returns from ${JSON.stringify(want ?? 'refresh')} of ${began}: ${result instanceof Error ? `${result.name} ${result.message}` : result.accessToken}`,
    )
    // If the store's clock was set during the call, the token ends by that time, the only one that there is.
    const certain = surely && this.#server.access.get(known.accessToken)?.doubtMs === 0
    if (certain && this.#current(process, known) && !this.#pauses && this.#timeline.now - began > LOOK_MS + 100)
      this.#ledger.fail(
        'I5',
        `process ${process.index} made a caller wait since ${Math.round(began)} ms while it had ${known.accessToken}`,
      )
    if (result instanceof Error) this.#refuse(process, want, result)
    else this.#give(process, result)
    return result
  }

  #give(process: Process, access: AccessToken): void {
    const { now } = this.#timeline
    this.served += 1
    const facts = this.#server.access.get(access.accessToken)
    if (facts === undefined) return this.#ledger.fail('other', 'an unknown token')
    // I3, by the store's time as this process has learned it, in whole milliseconds.
    const late = now - facts.expiresAt
    const known = process.unnoticedMs === 0 && facts.doubtMs === 0
    if (known && late >= (this.#exact ? 1 : NOISE_MS))
      this.#ledger.fail(
        'I3',
        `process ${process.index} returned ${access.accessToken}, which expired ${Math.round(late)} ms ago`,
      )
    if (access.expiresAt !== undefined && access.expiresAt <= process.clock.now())
      this.#ledger.fail('I3', `process ${process.index} returned ${access.accessToken}, which it knows to have expired`)
    // I8: a deleted or replaced token is not returned for long while the store responds.
    const ended = this.#ledger.endedAt.get(facts.family)
    const { revalidateMs } = this.#policy
    if (ended !== undefined && !this.#jumps && !this.#pauses) {
      const tooLong = now - ended > 2 * revalidateMs + LOOK_MS
      if (tooLong && process.troubledAt < ended - 2 * revalidateMs - 12_000)
        this.#ledger.fail(
          'I8',
          `process ${process.index} still returns a token of login ${facts.family.id}, which ended at ${Math.round(ended)} ms`,
        )
    }
    this.#known.set(process, access)
  }

  #refuse(process: Process, want: TokenOptions | undefined, error: Error): void {
    this.refused += 1
    if (error instanceof GrantNotFoundError) return
    // I5: a valid token in memory is returned even if everything else fails.
    const known = this.#usable(process, want)
    if (known !== undefined && this.#current(process, known))
      this.#ledger.fail(
        'I5',
        `process ${process.index} had ${known.accessToken} and rejected with ${error.name}: ${error.message}`,
      )
  }

  /** The token that a plain call of this process could return. */
  #usable(process: Process, want: TokenOptions | undefined): AccessToken | undefined {
    const known = this.#known.get(process)
    if (want === undefined || want.rejected !== undefined || want.minValidityMs !== undefined || this.#jumps)
      return undefined
    // It may have ended by a store's clock that was set since.
    if (known === undefined || this.#server.access.get(known.accessToken)?.doubtMs !== 0) return undefined
    return this.#left(known) > NOISE_MS + this.#ledger.slowestMs ? known : undefined
  }

  #left(access: AccessToken): number {
    return (this.#server.access.get(access.accessToken)?.expiresAt ?? 0) - this.#timeline.now
  }

  /** Whether it is a token of the stored, active login, which this process was not asked to disconnect. */
  #current(process: Process, access: AccessToken): boolean {
    const { record } = this.#ledger
    const family = this.#server.access.get(access.accessToken)?.family
    if (family !== undefined && process.ended.has(family)) return false
    return record?.state === 'active' && family === this.#server.familyOf(tokenOf(record)?.refreshToken)
  }

  /** I9: when all faults are over, a caller that retries after the given time gets a token or a verdict in time. */
  async untilAnswered(
    process: Process,
    boundMs: number,
    /** Whether responses from the time of the faults may still arrive. */
    afterTrouble: boolean,
    answered: (result: AccessToken | Error) => void,
  ): Promise<void> {
    const began = this.#timeline.now
    for (;;) {
      const result = await this.token(process)
      if (!process.alive) return
      const final =
        !(result instanceof Error) ||
        result instanceof ReauthorizationRequiredError ||
        result instanceof GrantNotFoundError
      // A pause of the whole process does not count.
      const took = this.#timeline.now - Math.max(began, process.pausedUntil)
      if (final && took > boundMs)
        this.#ledger.fail(
          'I9',
          `process ${process.index} needed ${Math.round(took)} ms for a result, ${Math.round(boundMs)} ms are allowed`,
        )
      if (final || process.suspicious) return answered(result)
      if (took > boundMs + 60_000) this.#ledger.fail('I9', `process ${process.index} gets ${String(result)} for ever`)
      const { retryable, retryAfterMs } = result as Error & { retryable?: boolean; retryAfterMs?: number }
      if (retryable !== true && !afterTrouble) this.#ledger.fail('I9', `process ${process.index} got ${String(result)}`)
      await process.clock.delay(retryAfterMs ?? 100)
    }
  }
}

/** The store's time. */
export const storeNow = (timeline: Timeline): number => EPOCH + timeline.now
