import type { LibraryName } from '../libraries/index.ts'
import type { Keeping } from '../libraries/keep.ts'
import type { Waits } from '../libraries/library.ts'
import type { ServerPlace, Token } from '../server/protocol.ts'

/** What a worker process is asked, and what it sends back, one JSON object a line; all of it can be read in other languages too. */
export interface Orders {
  /** Opens one grant by the means of one library. */
  open: [
    {
      readonly library: LibraryName
      readonly server: ServerPlace
      readonly keeping: Keeping
      readonly seed?: Token
      readonly waits?: Waits
    },
    null,
  ]
  /** Many callers at once. */
  storm: [StormOrder, StormResult]
  /** One caller, which GETs the URL with the token, or only asks for the token. Other orders are taken while it waits. */
  ask: [{ readonly url?: string }, AskResult]
  /** The events that the library has emitted. */
  events: [null, readonly string[]]
  /** Keeps this token, as a process does that has just refreshed it. */
  save: [Token, null]
  /** Makes the keeping of new tokens fail, or work again. */
  setSaving: [{ readonly works: boolean }, null]
  close: [null, null]
  /** Runs the `task` that a module exports. */
  task: [{ readonly module: string; readonly order: unknown }, unknown]
}

export interface StormOrder {
  readonly callers: number
  /** What the callers GET with the token; without it they only ask for the token. */
  readonly url?: string
  /** When they begin, in milliseconds since the epoch, so that several processes begin together. @default at once */
  readonly startAt?: number
}

/** What the callers of a storm got. */
export interface StormResult {
  /** Milliseconds since the epoch, with fractions. */
  readonly startedAt: number
  readonly endedAt: number
  readonly failed: number
  /** The longest time in which the process's event loop did not turn, in milliseconds; null where there is none. */
  readonly blockedMs: number | null
}

/** What one caller got: a token; the status of its GET; or an error, and whether that says that a repeat may help. */
export type AskResult =
  | { readonly token: string }
  | { readonly status: number }
  | { readonly error: string; readonly retryable?: boolean }

export interface Request {
  readonly id: number
  readonly name: keyof Orders
  readonly order: unknown
}

export interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}
