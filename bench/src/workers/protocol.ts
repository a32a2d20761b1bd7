import type { RivalName } from '../rivals/index.ts'
import type { Keeping } from '../rivals/keeping.ts'
import type { KeptToken, ServerPlace, Waits } from '../rivals/rival.ts'

/** What a worker process is told, one JSON object a line; all of it can be read in other languages too. */
export interface Orders {
  /** Opens one grant by the means of one library. */
  open: {
    readonly rival: RivalName
    readonly server: ServerPlace
    readonly keeping: Keeping
    readonly seed?: KeptToken
    readonly waits?: Waits
  }
  /** So many callers at once. */
  storm: StormOrder
  /** One caller. Other orders are taken while it waits. */
  ask: AskOrder
  /** What the library has told its application beside the answers of its calls. */
  told: null
  /** Keeps this token, as a process does that has just renewed it. */
  save: KeptToken
  /** Makes the keeping of new tokens fail, or work again. */
  setSaving: { readonly works: boolean }
  close: null
}

export interface StormOrder {
  readonly callers: number
  /** What the callers GET with the token; without it they only ask for the token. */
  readonly url?: string
  /** When they begin, in milliseconds since the epoch, so that several processes begin together. @default at once */
  readonly startAt?: number
}

export interface AskOrder {
  /** What the caller GETs with the token; without it it only asks for the token. */
  readonly url?: string
}

/** What one caller got: a token, an answer that is 200, or a failure. */
export type AskResult =
  | { readonly token: string }
  | { readonly answered: true }
  /** In a few words. */
  | { readonly failure: string }

/** What the callers of a storm got. */
export interface StormResult {
  /** Milliseconds since the epoch, with fractions. */
  readonly startedAt: number
  readonly endedAt: number
  readonly served: number
  /** How many callers failed, by what went wrong. */
  readonly failures: Readonly<Record<string, number>>
  /** The longest time in which the process's event loop did not turn, in milliseconds; null where there is none. */
  readonly blockedMs: number | null
}

export interface Answers {
  open: null
  storm: StormResult
  ask: AskResult
  told: readonly string[]
  save: null
  setSaving: null
  close: null
}

export type OrderName = keyof Orders

export interface Request {
  readonly id: number
  readonly name: OrderName
  readonly order: unknown
}

export interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}
