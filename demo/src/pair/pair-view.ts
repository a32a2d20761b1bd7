export type WorkerName = 'A' | 'B'

/** From when until when; without an end it goes on. */
export interface Span {
  readonly from: number
  readonly to?: number
}

/** A refresh token on its way, and what became of it. */
export interface AskSpan extends Span {
  readonly end?: 'answered' | 'failed' | 'killed'
}

/** One of the two processes. */
export interface WorkerView {
  readonly name: WorkerName
  readonly pid?: number
  readonly state: 'off' | 'starting' | 'calling' | 'refreshing' | 'killed'
  /** Of the access token that it used last. */
  readonly fingerprint?: string
  readonly callsPerSecond: number
  /** Whether the latest calls were answered, oldest first. */
  readonly beats: readonly boolean[]
  /** Refreshes whose answer reached it and was saved. */
  readonly refreshes: number
  readonly lives: readonly Span[]
  readonly asks: readonly AskSpan[]
}

/** What happened, by which process. */
export type PairEntry = { readonly at: number; readonly by: WorkerName } & (
  | { readonly kind: 'started'; readonly pid?: number; readonly again: boolean }
  | { readonly kind: 'refreshed'; readonly durationMs: number; readonly recovered: boolean }
  | { readonly kind: 'killed'; readonly afterMs: number; readonly consumed: boolean }
  | { readonly kind: 'took_over'; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly code: string }
)

/** What the latest kill led to. */
export interface Recovery {
  readonly killed: WorkerName
  readonly by: WorkerName
  readonly killedAt: number
  /** When the other one sent the refresh token again. */
  readonly tookOverAt?: number
  /** When it had saved the new token. */
  readonly recoveredAt?: number
  /** Its calls from the kill to the new token. */
  readonly calls: number
  readonly failed: number
}

export interface PairCounters {
  /** Counted by the provider: accepted refresh tokens. */
  readonly redemptions: number
  /** Counted by the provider. */
  readonly reuseDetections: number
  /** Counted by the provider: grants that it ended. */
  readonly revocations: number
  /** New tokens that were saved. */
  readonly refreshes: number
  /** Answers that ended with their process. */
  readonly lost: number
  readonly calls: number
  readonly failed: number
}

/** The two processes as the page shows them. */
export interface PairView {
  /** The server's clock. */
  readonly now: number
  readonly state: 'off' | 'starting' | 'running'
  /** The next refresh ends with a kill. */
  readonly armed: boolean
  /** Whether the provider still knows the grant. */
  readonly alive: boolean
  /** Why it ended. */
  readonly ended?: 'asked' | 'time' | 'left'
  /** What went wrong. */
  readonly trouble?: string
  readonly endsAt?: number
  readonly workers: readonly WorkerView[]
  /** Newest first. */
  readonly timeline: readonly PairEntry[]
  readonly counters: PairCounters
  readonly recovery?: Recovery
}
