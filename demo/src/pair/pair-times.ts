/** The durations of the two processes' part, in milliseconds. */
export interface PairTimes {
  /** An access token's life. */
  readonly lifetimeMs: number
  /** So long before its end a token is renewed in the background. */
  readonly earlyMs: number
  /** The provider replaces a refresh token at once and answers so much later: time enough to end who waits for it. */
  readonly answerMs: number
  /** How long the provider forgives a refresh token that comes again. */
  readonly graceMs: number
  /** The deadline of a token request. */
  readonly timeoutMs: number
  /** How long one process holds the right to redeem, unless it renews it. */
  readonly leaseMs: number
  /** How long an answer may still be under way after its deadline. */
  readonly settleMs: number
  /** How often each process calls the resource. */
  readonly callEveryMs: number
  /** The whole performance ends after this. */
  readonly longestMs: number
  /** How long it goes on when no page looks. */
  readonly leaveMs: number
  /** How soon a killed process is started again once the other has recovered. */
  readonly restartMs: number
  /** When it is started again though the other has not. */
  readonly restartAnywayMs: number
  /** How much of the past the page shows. */
  readonly windowMs: number
}

/** Short, so that all of it can be watched. The page says them. */
export const pairTimes: PairTimes = {
  lifetimeMs: 10_000,
  earlyMs: 7000,
  answerMs: 1200,
  graceMs: 20_000,
  timeoutMs: 1600,
  leaseMs: 2400,
  settleMs: 2200,
  callEveryMs: 250,
  longestMs: 4 * 60_000,
  leaveMs: 5000,
  restartMs: 1500,
  restartAnywayMs: 15_000,
  windowMs: 30_000,
}
