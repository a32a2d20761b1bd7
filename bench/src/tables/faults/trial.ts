import { setTimeout as pause } from 'node:timers/promises'

import type { KeptToken } from '../../rivals/rival.ts'
import type { BenchServer } from '../../server/start-server.ts'
import type { AskResult } from '../../workers/protocol.ts'
import type { WorkerProcess } from '../../workers/worker-process.ts'
import type { After, Got, Outcome } from './outcome.ts'

/** An answer that takes longer than this counts as none, where a fault has no limit of its own. */
const LIMIT_MS = 20_000
/** How often a caller asks again that wants to know whether a grant works. */
const AGAIN_MS = 250
/** How often it is looked whether a request has arrived. */
const LOOK_MS = 10

/** One grant of one contestant, whose first process holds the token and whose others can be opened. */
export interface TrialParts {
  readonly server: BenchServer
  /** Of the log-in. */
  readonly seed: KeptToken
  readonly worker: WorkerProcess
  /** Opens the same grant in another process. */
  openOther(): Promise<WorkerProcess>
}

export class Trial {
  readonly server: BenchServer
  readonly seed: KeptToken
  readonly worker: WorkerProcess
  readonly #openOther: () => Promise<WorkerProcess>
  /** Tokens that a caller has had before. */
  readonly #had: Set<string>

  constructor({ openOther, seed, server, worker }: TrialParts) {
    this.server = server
    this.seed = seed
    this.worker = worker
    this.#openOther = openOther
    this.#had = new Set([seed.accessToken])
  }

  /** One caller, which waits for so long. */
  ask(limitMs: number = LIMIT_MS, url?: string): Promise<Got> {
    return this.#ask(this.worker, limitMs, url)
  }

  /** One caller, which waits for so long from the time on when its token request has arrived. */
  async askFromArrival(limitMs: number): Promise<Got> {
    const asked = this.worker.ask('ask', {})
    await Promise.race([asked, this.arrived()])
    return this.#within(asked, limitMs)
  }

  other(): Promise<WorkerProcess> {
    return this.#openOther()
  }

  /** A caller's token at one expiry; at the next one it is none that is new. */
  async askAtExpiry(): Promise<Got> {
    const result = await this.worker.ask('ask', {})
    const got = await this.#gotOf(result)
    if ('token' in result) this.#had.add(result.token)
    return got
  }

  /** Asks again until it is served, the server has ended the grant, or patience is over. */
  async recover(patienceMs: number, limitMs: number, url?: string): Promise<After> {
    const before = await this.requests()
    const began = Date.now()
    for (;;) {
      const got = await this.ask(limitMs, url)
      const waitedMs = Date.now() - began
      const requests = (await this.requests()) - before
      const revoked = await this.revoked()
      if (got.kind !== 'failed' || waitedMs >= patienceMs || revoked) return { got, waitedMs, requests, revoked }
      await pause(AGAIN_MS)
    }
  }

  /** What a process gets that starts with what is kept. */
  async restart(): Promise<NonNullable<Outcome['restarted']>> {
    const before = await this.requests()
    const got = await this.#ask(await this.#openOther(), LIMIT_MS)
    return { got, requests: (await this.requests()) - before }
  }

  /** When a token request has come to the server, which may not have answered yet. */
  async arrived(): Promise<void> {
    if (!(await this.arrivedWithin(LIMIT_MS))) throw new Error('Expected a token request.')
  }

  async arrivedWithin(limitMs: number): Promise<boolean> {
    const until = Date.now() + limitMs
    while ((await this.requests()) === 0) {
      if (Date.now() > until) return false
      await pause(LOOK_MS)
    }
    return true
  }

  async requests(): Promise<number> {
    return (await this.server.stats()).tokenRequests
  }

  async revoked(): Promise<boolean> {
    return (await this.server.stats()).revoked > 0
  }

  /** What is known when everything has been asked. */
  async ending(): Promise<Pick<Outcome, 'revoked' | 'told'>> {
    return { revoked: await this.revoked(), told: await this.worker.ask('told', null) }
  }

  #ask(worker: WorkerProcess, limitMs: number, url?: string): Promise<Got> {
    return this.#within(worker.ask('ask', url === undefined ? {} : { url }), limitMs)
  }

  async #within(asked: Promise<AskResult>, limitMs: number): Promise<Got> {
    const over = new AbortController()
    const limit = pause(limitMs, undefined, { signal: over.signal }).catch(() => undefined)
    const result = await Promise.race([asked, limit])
    over.abort()
    return result === undefined ? { kind: 'waiting', seconds: limitMs / 1000 } : this.#gotOf(result)
  }

  async #gotOf(result: AskResult): Promise<Got> {
    if ('failure' in result) return { kind: 'failed', words: tidy(result.failure) }
    if ('answered' in result) return { kind: 'answers', calls: 1, answered: 1, words: [] }
    const headers = { authorization: `Bearer ${result.token}` }
    const response = await fetch(this.server.resource, { headers })
    await response.arrayBuffer()
    if (response.status !== 200) return { kind: 'token', which: 'refused' }
    return { kind: 'token', which: this.#had.has(result.token) ? 'current' : 'new' }
  }
}

/** Words without what is another in each run, and without the end of a sentence that says no more. */
export function tidy(words: string): string {
  return words.replaceAll(/127\.0\.0\.1:\d+/g, 'server').replace(/[:\s]+$/, '')
}
