import { isEvergrantError } from '../../src/model/errors.ts'
import { pause, type AcmeGrants } from './world.ts'

/** The grants whose callers ask repeatedly. */
export interface LoadOrder {
  readonly subjects: readonly string[]
  /** Number of callers of each grant, all at once in each round. */
  readonly callers: number
  /** The pause between two rounds. */
  readonly everyMs: number
}

/** What one grant's callers got since the last report. */
export interface SubjectReport {
  readonly served: number
  /** Number of errors by code. */
  readonly failures: Readonly<Record<string, number>>
  readonly unretryable: number
  /** Returned access tokens, the newest last. */
  readonly tokens: readonly string[]
  /** Number of tokens that had expired when they were returned. */
  readonly expired: number
  readonly longestMs: number
}

export interface LoadReport {
  readonly subjects: Readonly<Record<string, SubjectReport>>
  readonly saveDelayed: number
}

/** A busy machine needs some time between returning a token and counting it. */
const COUNTED_MS = 150

type Counts = { -readonly [K in keyof SubjectReport]: SubjectReport[K] } & {
  failures: Record<string, number>
  tokens: string[]
}

const nothing = (): Counts => ({ served: 0, failures: {}, unretryable: 0, tokens: [], expired: 0, longestMs: 0 })

/** Callers that ask for access tokens without end, as an application under load does. */
export class Load {
  readonly #grants: AcmeGrants
  readonly #order: LoadOrder
  readonly #counts = new Map<string, Counts>()
  readonly #loops: Promise<unknown>
  #saveDelayed = 0
  #ended = false

  constructor(grants: AcmeGrants, order: LoadOrder) {
    this.#grants = grants
    this.#order = order
    grants.on('save_delayed', () => void (this.#saveDelayed += 1))
    this.#loops = Promise.all(order.subjects.map((subject) => this.#loop(subject)))
  }

  report(): LoadReport {
    const subjects = Object.fromEntries(this.#order.subjects.map((name) => [name, this.#counts.get(name) ?? nothing()]))
    const saveDelayed = this.#saveDelayed
    this.#counts.clear()
    this.#saveDelayed = 0
    return { subjects, saveDelayed }
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#loops
  }

  async #loop(subject: string): Promise<void> {
    while (!this.#ended) {
      await Promise.all(Array.from({ length: this.#order.callers }, () => this.#call(subject)))
      await pause(this.#order.everyMs)
    }
  }

  async #call(subject: string): Promise<void> {
    const started = performance.now()
    const error: unknown = await this.#grants
      .session('acme', subject)
      .token()
      .then(
        ({ accessToken, expiresAt }) => {
          const counts = this.#of(subject)
          counts.served += 1
          if (counts.tokens.at(-1) !== accessToken) counts.tokens.push(accessToken)
          if (expiresAt !== undefined && expiresAt + COUNTED_MS <= Date.now()) counts.expired += 1
          return undefined
        },
        (error: unknown) => error,
      )
    const counts = this.#of(subject)
    counts.longestMs = Math.max(counts.longestMs, performance.now() - started)
    if (error === undefined) return
    const code = isEvergrantError(error) ? error.code : 'unexpected'
    counts.failures[code] = (counts.failures[code] ?? 0) + 1
    if (!isEvergrantError(error) || !error.retryable) counts.unretryable += 1
  }

  #of(subject: string): Counts {
    let counts = this.#counts.get(subject)
    if (counts === undefined) this.#counts.set(subject, (counts = nothing()))
    return counts
  }
}
