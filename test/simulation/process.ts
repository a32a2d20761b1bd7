import { Grants } from '../../src/grants.ts'
import { coreOf, OAuth2Client } from '../../src/client/oauth2-client.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { Provider } from '../../src/model/provider.ts'
import type { RefreshPolicy } from '../../src/refresh/policy.ts'
import type { OAuth2Session } from '../../src/session.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import type { Family, Registration } from './server.ts'
import type { Owner, Timeline } from './timeline.ts'

/** When the store's clock stands at virtual time 0. */
export const EPOCH = Date.UTC(2026, 0, 1)

/** `acme` is the client of the simulated grant, `crowd` that of the many others. */
export interface Clients extends Record<string, OAuth2Client> {
  readonly acme: OAuth2Client
  readonly crowd: OAuth2Client
}

type Core = Pick<ReturnType<typeof coreOf>, 'prepareRedemption' | 'revoke'>

/** One run of a simulated process, whose memory ends with it. */
export class Process implements Owner {
  readonly index: number
  readonly clock: Required<Clock>
  alive = true
  pausedUntil = 0
  /** The error of its time of day. */
  skewMs: number
  /** Jumps of its clock that it cannot have noticed yet. */
  unnoticedMs = 0
  /** The last time at which the store failed or was slow for it. */
  troubledAt = Number.NEGATIVE_INFINITY
  /** Whether it suspects its registration, and therefore writes no verdicts. */
  suspicious = false
  /** Logins that it was asked to disconnect. */
  readonly ended = new Set<Family>()
  readonly startedAt: number
  readonly #timeline: Timeline
  readonly #sleeps: boolean
  /** The time that it has slept, with its present pause. */
  #sleptMs = 0
  #grants: Grants<Clients> | undefined
  #session: OAuth2Session | undefined

  constructor(index: number, timeline: Timeline, options: { skewMs: number; sleeps: boolean; lagMs: () => number }) {
    this.index = index
    this.#timeline = timeline
    this.#sleeps = options.sleeps
    this.skewMs = options.skewMs
    this.startedAt = timeline.now
    this.clock = {
      now: () => EPOCH + timeline.now + this.skewMs,
      monotonic: () => timeline.now - this.startedAt - this.#sleptMs,
      delay: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted === true) {
            reject(signal.reason as Error)
            return
          }
          const abort = (): void => reject(signal?.reason as Error)
          signal?.addEventListener('abort', abort, { once: true })
          let sleptMs = this.#sleptMs
          let at = timeline.now + Math.max(ms, 0) + options.lagMs()
          const onTime = (): void => {
            if (signal?.aborted === true) return
            const lostMs = this.#sleptMs - sleptMs
            if (lostMs > 0) {
              sleptMs += lostMs
              // The rest of the wait, once the machine is awake again.
              at += lostMs
              timeline.after(at - timeline.now, this, onTime)
              return
            }
            signal?.removeEventListener('abort', abort)
            resolve()
          }
          timeline.after(at - timeline.now, this, onTime)
        }),
    }
  }

  /** Stops it for `ms`. The scenario says whether its machine sleeps during that time. */
  pause(ms: number): void {
    const { now } = this.#timeline
    const until = Math.max(now + ms, this.pausedUntil)
    if (this.#sleeps) this.#sleptMs += until - Math.max(now, this.pausedUntil)
    this.pausedUntil = until
  }

  /** Starts its program. */
  boot(options: {
    provider: Provider
    timeoutMs: number
    policy: RefreshPolicy
    background: 'detached' | 'none'
    store: GrantStore
    fetch: typeof globalThis.fetch
    /** The client's core in place of the whole client. */
    core: ((registration: Registration | undefined) => Core) | undefined
    crowdCore: Core
    /** Finds the present registration, if the application has a resolver of clients. */
    resolve: (() => Promise<Registration>) | undefined
  }): void {
    const { provider, timeoutMs, policy, background, store, fetch, core, crowdCore, resolve } = options
    const common = { provider, timeoutMs, fetch, clock: this.clock }
    const makeClient = (registration: Registration | undefined): OAuth2Client => {
      const { clientId = 'client-id', secret: clientSecret } = registration ?? {}
      const client = new OAuth2Client({ ...common, clientId, ...(clientSecret !== undefined && { clientSecret }) })
      if (core !== undefined) Object.assign(coreOf(client), core(registration))
      return client
    }
    const crowd = new OAuth2Client({ ...common, clientId: 'crowd' })
    Object.assign(coreOf(crowd), crowdCore)
    const clients =
      resolve === undefined
        ? { acme: makeClient(undefined), crowd }
        : async (name: string) => (name === 'crowd' ? crowd : makeClient(await resolve()))
    this.#grants = new Grants<Clients>({ clients, store, clock: this.clock, policy, background })
    this.#grants.on('client_suspect', () => {
      this.suspicious = true
    })
    this.#session = this.#grants.session('acme', 'f')
  }

  get grants(): Grants<Clients> {
    return this.#grants!
  }

  get session(): OAuth2Session {
    return this.#session!
  }
}
