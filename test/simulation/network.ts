import type { Faults } from './faults.ts'
import type { Ledger, Redemption } from './ledger.ts'
import type { Process } from './process.ts'
import type { Random } from './random.ts'
import type { Issued, Registration, Server } from './server.ts'
import type { Timeline } from './timeline.ts'

/** The result of a token request. */
export type Answer =
  | { readonly kind: 'issued'; readonly issued: Issued }
  | { readonly kind: 'refusal'; readonly status: number; readonly error?: string; readonly retryAfterS?: number }
  | { readonly kind: 'unreadable' }

/** No response: the connection failed before or after the request was sent. */
export class ConnectionLost extends Error {
  readonly sent: boolean
  readonly code: string

  constructor(sent: boolean) {
    super(sent ? 'The simulated connection was reset.' : 'The simulated connection was refused.')
    this.sent = sent
    this.code = sent ? 'ECONNRESET' : 'ECONNREFUSED'
  }
}

export interface NetworkWorld {
  readonly timeline: Timeline
  readonly random: Random
  readonly faults: Faults
  readonly ledger: Ledger
  readonly server: Server
  readonly timeoutMs: number
  readonly settleMs: number
  /** Whether a request is no longer in flight `settleMs` after it was sent. */
  readonly bounded: boolean
  readonly providerDown: () => boolean
  /** Whether requests of this moment get no response. */
  readonly hangs: () => boolean
  readonly crash: (process: Process) => void
  /** Another process logs the user in, after it has ended the grant or not. */
  readonly replace: (process: Process, ended: boolean) => void
  readonly trace: ((line: string) => void) | undefined
}

/**
 * The network between the processes and the authorization server. Requests and responses take time, arrive late or
 * get lost.
 */
export class Network {
  readonly #world: NetworkWorld

  constructor(world: NetworkWorld) {
    this.#world = world
  }

  /** One redemption by a client with this registration. `signal` ends the wait, but not the request. */
  redeem(
    process: Process,
    refreshToken: string,
    signal: AbortSignal | undefined,
    registration: Registration | undefined,
  ): Promise<Answer> {
    const { timeline, random, faults, ledger, timeoutMs, settleMs, bounded } = this.#world
    if (!process.alive) return new Promise(() => undefined)
    const down = this.#world.providerDown()
    const hangs = this.#world.hangs()
    const fault = down
      ? random.chance(0.5)
        ? 'refused'
        : 'vanished'
      : hangs
        ? random.chance(0.5)
          ? 'vanished'
          : 'answer-vanished'
        : faults.ofRequest()
    const family = this.#world.server.familyOf(refreshToken)
    if (registration !== undefined && family !== undefined && family.clientId !== registration.clientId) {
      ledger.fail(
        'other',
        `process ${process.index} sends ${refreshToken}, which belongs to ${family.clientId}, as ${registration.clientId}`,
      )
    }
    if (fault === 'crash-before') {
      this.#world.crash(process)
      return new Promise(() => undefined)
    }
    const sentAt = timeline.now
    this.#world.trace?.(`${sentAt} process ${process.index} sends ${refreshToken} (${fault ?? 'no fault'})`)
    const redemption: Redemption = {
      process,
      refreshToken,
      sentAt,
      doubtMs: process.unnoticedMs,
      state: 'wire',
      orphan: false,
      registration,
    }
    ledger.sent(redemption)
    const latest = bounded ? settleMs - 1 : 4 * settleMs
    const late = (): number => random.between(Math.min(timeoutMs, latest), latest)
    let travel = random.between(2, 200)
    if (fault === 'late-request' || (fault === 'crash-on-the-wire' && random.chance(0.5))) travel = late()
    const replaced = fault === 'replaced' || fault === 'ended-and-replaced'
    if (replaced) this.#world.replace(process, fault === 'ended-and-replaced')
    const back = (): number => {
      const wanted = fault === 'late-answer' ? late() : random.between(2, replaced ? 1000 : 200)
      return bounded ? Math.max(0, Math.min(wanted, sentAt + latest - timeline.now)) : wanted
    }
    const promise = new Promise<Answer>((resolve, reject) => {
      const giveUp = (): void => {
        redemption.orphan = true
        if (redemption.state !== 'wire') {
          if (redemption.state === 'answering') ledger.answerLost(redemption)
          redemption.state = 'done'
        }
      }
      const onAbort = (): void => {
        giveUp()
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      const lose = (ms: number, sent: boolean): void =>
        timeline.after(ms, process, () => {
          giveUp()
          if (!sent) redemption.state = 'done'
          reject(new ConnectionLost(sent))
        })
      const answer = (value: Answer): void =>
        timeline.after(back(), process, () => {
          if (redemption.orphan || signal?.aborted === true) return
          if (fault === 'crash-after') return this.#world.crash(process)
          signal?.removeEventListener('abort', onAbort)
          if (value.kind === 'unreadable') ledger.answerLost(redemption)
          redemption.state = value.kind === 'issued' ? 'held' : 'done'
          resolve(value)
        })
      const gone = (): void => {
        redemption.state = 'done'
        ledger.answerLost(redemption)
      }
      switch (fault) {
        case 'refused':
          redemption.state = 'done'
          return lose(travel, false)
        case 'dropped':
          timeline.after(travel, undefined, gone)
          return lose(travel, true)
        case 'vanished':
          return timeline.after(travel, undefined, gone)
        case 'reset-then-consumed':
          lose(random.between(0, 20), true)
          return timeline.after(late(), undefined, () => void this.#consume(redemption))
        case undefined:
        default:
          return timeline.after(travel, undefined, () => {
            const given = this.#answerOf(redemption, fault)
            if (redemption.orphan) return
            if (fault === 'answer-lost') return lose(back(), true)
            if (fault === 'answer-vanished') return gone()
            if (fault === 'pause') {
              const most = bounded ? latest - 300 - (timeline.now - sentAt) : latest
              process.pause(random.between(1, Math.max(1, most)))
            }
            answer(given)
          })
      }
    })
    if (fault === 'crash-on-the-wire') this.#world.crash(process)
    return promise
  }

  /** The token's grant ends at the provider. */
  async revoke(process: Process, refreshToken: string | undefined): Promise<boolean> {
    const { timeline, random, server, providerDown } = this.#world
    return new Promise((resolve, reject) => {
      if (!process.alive) return
      if (this.#world.hangs()) return
      if (providerDown()) return timeline.after(5, process, () => reject(new ConnectionLost(false)))
      timeline.after(random.between(2, 200), undefined, () => {
        server.end(server.familyOf(refreshToken), 'user')
        timeline.after(random.between(2, 200), process, () => resolve(true))
      })
    })
  }

  #answerOf(redemption: Redemption, fault: string | undefined): Answer {
    const { registration: known } = this.#world.server
    if (redemption.registration !== undefined && redemption.registration.secret !== known.secret)
      return this.#refuse(redemption, { status: 401, error: 'invalid_client' })
    switch (fault) {
      case 'unavailable':
        return this.#refuse(redemption, { status: 503 })
      case 'retry-after':
        return this.#refuse(redemption, { status: 429, retryAfterS: this.#world.random.between(1, 30) })
      case 'empty-refusal':
        return this.#refuse(redemption, { status: 400 })
      case 'invalid-client':
        return this.#refuse(redemption, { status: 401, error: 'invalid_client' })
      default: {
        const issued = this.#consume(redemption)
        if (issued === undefined) return { kind: 'refusal', status: 400, error: 'invalid_grant' }
        return fault === 'unreadable' ? { kind: 'unreadable' } : { kind: 'issued', issued }
      }
    }
  }

  #refuse(redemption: Redemption, refusal: { status: number; error?: string; retryAfterS?: number }): Answer {
    redemption.state = 'done'
    return { kind: 'refusal', ...refusal }
  }

  #consume(redemption: Redemption): Issued | undefined {
    const { ledger, server } = this.#world
    if (redemption.orphan) ledger.excuse = 'orphan consumed'
    const issued = server.redeem(redemption.refreshToken, redemption)
    this.#world.trace?.(`${this.#world.timeline.now} server: ${redemption.refreshToken} -> ${issued?.refreshToken}`)
    redemption.issued = issued
    redemption.state = issued === undefined || redemption.orphan ? 'done' : 'answering'
    return issued
  }
}
