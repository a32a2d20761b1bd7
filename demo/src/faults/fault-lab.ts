import type { DevelopmentProvider, OrderedFault } from '@evergrant/provider'
import { isEvergrantError, type Grants, type GrantStore, type OAuth2Session } from 'evergrant'
import type { Journal } from '../live/journal.ts'
import { faultSwitches, type SwitchKind } from './fault-kinds.ts'
import { viewRecord, type CallerEntry, type LabView } from './lab-view.ts'

export interface FaultLabParts {
  readonly provider: DevelopmentProvider
  /** The client at the provider whose requests fail: no visitor's grant belongs to it. */
  readonly clientId: string
  /** That client's name in `grants`. */
  readonly client: string
  readonly grants: Grants
  readonly store: GrantStore
  readonly journal: Journal
  readonly userInfoUrl: string
  /** How often the profile is called while somebody watches. */
  readonly beatMs: number
}

const subject = 'fault-lab'
const mostBeats = 40
const mostRefreshes = 4
/** An early retry would only be told the same. */
const shortestPauseMs = 250

/**
 * A throw-away grant whose provider can be made to fail, one fault at a time. While somebody watches, its profile is
 * called again and again, as an application would.
 */
export class FaultLab {
  readonly #parts: FaultLabParts
  readonly #beats: CallerEntry[] = []
  readonly #refreshes: CallerEntry[] = []
  readonly #watchers = new Set<() => void>()
  #session: OAuth2Session | undefined
  #on: { readonly kind: SwitchKind; readonly order: OrderedFault } | undefined
  #timer: NodeJS.Timeout | undefined
  /** Ends what a switch has started when the next one is thrown. */
  #current = new AbortController()
  #closed = false

  constructor(parts: FaultLabParts) {
    this.#parts = parts
    parts.journal.onNews(({ client }) => {
      if (client === parts.client) this.#tell()
    })
  }

  /** Told when there is something new to see; the profile is called for as long as somebody watches. Answers how to stop. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener)
    this.#beat()
    return () => {
      this.#watchers.delete(listener)
      if (this.#watchers.size === 0) this.#rest()
    }
  }

  async view(): Promise<LabView> {
    const { client, journal, store } = this.#parts
    const named = { client, subject }
    const { record } = this.#session === undefined ? { record: undefined } : await store.read({ ...named, account: '' })
    return {
      on: this.#on?.kind ?? null,
      beats: this.#beats,
      refreshes: this.#refreshes,
      timeline: journal.entries(named),
      log: journal.lines(named),
      store: record === undefined ? null : viewRecord(record),
    }
  }

  /** Throws a switch; the one that was on goes off. A refresh is asked for at once, so that the fault shows. */
  async turn(kind: SwitchKind, on: boolean): Promise<void> {
    const { clientId, provider } = this.#parts
    if (!on && this.#on?.kind !== kind) return
    this.#current.abort()
    this.#current = new AbortController()
    const { signal } = this.#current
    this.#on?.order.cancel()
    this.#on = undefined
    if (on) {
      const { fault } = faultSwitches.find((each) => each.kind === kind) ?? {}
      if (fault === undefined) return
      await this.#ensureGrant()
      // Another switch was thrown meanwhile: its fault is the one that counts.
      if (signal.aborted) return
      this.#on = { kind, order: provider.fault(fault, { times: Infinity, clientId }) }
    }
    this.#tell()
    if (this.#session === undefined) return
    if (on) void this.#refresh(this.#session)
    else void this.#recover(this.#session, signal)
  }

  /** Stops everything. */
  close(): void {
    this.#closed = true
    this.#current.abort()
    this.#on?.order.cancel()
    this.#watchers.clear()
    this.#rest()
  }

  /** A new throw-away grant, unless the one at hand lives. */
  async #ensureGrant(): Promise<void> {
    const { client, clientId, grants, journal, provider } = this.#parts
    const status = this.#session === undefined ? undefined : await grants.status(client, subject)
    if (status?.state === 'active') return
    const [token] = await provider.mint({ clientId })
    if (token === undefined) throw new Error('The provider minted no grant.')
    this.#beats.length = 0
    this.#refreshes.length = 0
    journal.forget({ client, subject })
    this.#session = await grants.save(client, subject, token)
    this.#beat()
  }

  async #refresh(session: OAuth2Session): Promise<unknown> {
    const startedAt = performance.now()
    let failure: unknown
    let result = 'a new token'
    try {
      await session.refresh()
    } catch (error) {
      if (!isEvergrantError(error)) throw error
      failure = error
      result = error.code
    }
    note(this.#refreshes, mostRefreshes, {
      at: Date.now(),
      call: 'refresh',
      ok: failure === undefined,
      result,
      ms: Math.round(performance.now() - startedAt),
    })
    this.#tell()
    return failure
  }

  /** The fault is over: asks for a refresh as soon as one may be asked for. */
  async #recover(session: OAuth2Session, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closed) {
      const failure = await this.#refresh(session)
      if (!isEvergrantError(failure) || !failure.retryable) return
      await pause(Math.max(shortestPauseMs, failure.retryAfterMs ?? 0), signal)
    }
  }

  #beat(): void {
    const session = this.#session
    const over = this.#beats[0]?.result === 'reauthorization_required'
    if (session === undefined || over || this.#closed || this.#timer !== undefined || this.#watchers.size === 0) return
    this.#timer = setTimeout(() => {
      void this.#callProfile(session).finally(() => {
        this.#timer = undefined
        this.#beat()
      })
    }, this.#parts.beatMs)
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #callProfile(session: OAuth2Session): Promise<void> {
    const startedAt = performance.now()
    let result: string
    let ok = false
    try {
      const response = await session.fetch(this.#parts.userInfoUrl)
      await response.body?.cancel()
      ok = response.ok
      result = String(response.status)
    } catch (error) {
      result = isEvergrantError(error) ? error.code : 'network_error'
    }
    note(this.#beats, mostBeats, {
      at: Date.now(),
      call: 'profile',
      ok,
      result,
      ms: Math.round(performance.now() - startedAt),
    })
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#watchers) listener()
  }
}

function note<T>(list: T[], most: number, item: T): void {
  list.unshift(item)
  list.length = Math.min(list.length, most)
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}
