import { setTimeout as pause } from 'node:timers/promises'

import type { Token } from '../../server/protocol.ts'
import type { BenchServer } from '../../server/start-server.ts'
import type { AskResult } from '../../workers/protocol.ts'
import type { WorkerProcess } from '../../workers/worker-process.ts'
import type { Got, Outcome, Part } from './outcome.ts'

/** A response that takes longer than this counts as none, where a fault has no limit of its own. */
const LIMIT_MS = 20_000
/** How often a caller asks again that waits for a grant to work. */
const AGAIN_MS = 250
/** How often it is checked whether a request has arrived. */
const CHECK_MS = 10

/** One grant of one contestant, whose first process holds the token of the login. */
export class Trial {
  readonly seed: Token
  readonly worker: WorkerProcess
  /** Opens the same grant in another process. */
  readonly openOther: () => Promise<WorkerProcess>
  readonly #server: BenchServer
  /** Tokens that a caller has received. */
  readonly #received: Set<string>

  constructor(server: BenchServer, seed: Token, worker: WorkerProcess, openOther: () => Promise<WorkerProcess>) {
    this.seed = seed
    this.worker = worker
    this.openOther = openOther
    this.#server = server
    this.#received = new Set([seed.accessToken])
  }

  /** One caller, with a limit in milliseconds. */
  ask(limitMs: number = LIMIT_MS, url?: string, worker: WorkerProcess = this.worker): Promise<Got> {
    return this.#within(worker.ask('ask', url === undefined ? {} : { url }), limitMs)
  }

  /** One caller, whose limit begins when its token request has arrived. */
  async askFromArrival(limitMs: number): Promise<Got> {
    const asked = this.worker.ask('ask', {})
    await Promise.race([asked, this.arrivedWithin(LIMIT_MS)])
    return this.#within(asked, limitMs)
  }

  /** A caller's token at one expiry; at the next one it is not new. */
  async askAtExpiry(): Promise<Got> {
    const result = await this.worker.ask('ask', {})
    const got = await this.#gotOf(result)
    if ('token' in result) this.#received.add(result.token)
    return got
  }

  /** Asks again until it is served, the server has ended the grant, or patience is over. */
  async recover(patienceMs: number, limitMs: number, url?: string): Promise<NonNullable<Outcome['after']>> {
    const [before, began] = [await this.requests(), Date.now()]
    for (;;) {
      const got = await this.ask(limitMs, url)
      const waitedMs = Date.now() - began
      const { revoked, tokenRequests } = await this.#server.stats()
      const again = (got === 'failed' || got === 'retryable') && waitedMs < patienceMs && revoked === 0
      if (!again) return { got: [got], waitedMs, requests: tokenRequests - before }
      await pause(AGAIN_MS)
    }
  }

  /** What a process gets that starts with what is kept. */
  async restart(): Promise<Part> {
    const before = await this.requests()
    const got = [await this.ask(LIMIT_MS, undefined, await this.openOther())]
    return { got, requests: (await this.requests()) - before }
  }

  /** When a token request has come to the server, which may not have responded yet. */
  async arrived(): Promise<void> {
    if (!(await this.arrivedWithin(LIMIT_MS))) throw new Error('Expected a token request.')
  }

  async arrivedWithin(limitMs: number): Promise<boolean> {
    const until = Date.now() + limitMs
    while ((await this.requests()) === 0) {
      if (Date.now() > until) return false
      await pause(CHECK_MS)
    }
    return true
  }

  async requests(): Promise<number> {
    return (await this.#server.stats()).tokenRequests
  }

  /** What is known in the end. */
  async ending(): Promise<Pick<Outcome, 'revoked' | 'events'>> {
    return { revoked: (await this.#server.stats()).revoked > 0, events: await this.worker.ask('events', null) }
  }

  async #within(asked: Promise<AskResult>, limitMs: number): Promise<Got> {
    const over = new AbortController()
    const limit = pause(limitMs, undefined, { signal: over.signal }).catch(() => undefined)
    const result = await Promise.race([asked, limit])
    over.abort()
    return result === undefined ? 'waiting' : this.#gotOf(result)
  }

  async #gotOf(result: AskResult): Promise<Got> {
    if ('error' in result) return result.retryable === true ? 'retryable' : 'failed'
    if ('status' in result) return result.status === 200 ? 'answered' : 'failed'
    const headers = { authorization: `Bearer ${result.token}` }
    const response = await fetch(this.#server.place.resource, { headers })
    await response.arrayBuffer()
    if (response.status !== 200) return 'refused'
    return this.#received.has(result.token) ? 'current' : 'new'
  }
}
