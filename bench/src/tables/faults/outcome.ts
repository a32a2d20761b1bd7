/** What a caller got. */
export type Got =
  /** A token: one that it has not had before, the one it had, or (whichever) one that the API refuses. */
  | { readonly kind: 'token'; readonly which: 'new' | 'current' | 'refused' }
  /** Of so many calls to the API so many were answered; `words`: how the others failed. */
  | { readonly kind: 'answers'; readonly calls: number; readonly answered: number; readonly words: readonly string[] }
  | { readonly kind: 'failed'; readonly words: string }
  /** Nothing, when the limit was over. */
  | { readonly kind: 'waiting'; readonly seconds: number }

/** What a caller got when a fault was gone, after asking, again and again, for `waitedMs`; whether the server had ended the grant by then. */
export interface After {
  readonly got: Got
  readonly waitedMs: number
  readonly requests: number
  readonly revoked: boolean
}

/** What one contestant did on one fault, once. */
export interface Outcome {
  /** What the caller got: once, or at each expiry. */
  readonly got: readonly Got[]
  /** Token requests until then. */
  readonly requests: number
  /** The same with a token that is still good for a while, asked for twice. */
  readonly early?: { readonly got: readonly Got[]; readonly requests: number }
  readonly after?: After
  /** What a new process got that started with what was kept. */
  readonly restarted?: { readonly got: Got; readonly requests: number }
  /** Whether the server has ended the grant in the end. */
  readonly revoked: boolean
  /** What the library told its application by events. */
  readonly told: readonly string[]
}

/** The caller got what it asked for. */
export function served(got: Got): boolean {
  if (got.kind === 'token') return got.which !== 'refused'
  return got.kind === 'answers' && got.answered === got.calls
}
