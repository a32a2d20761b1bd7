/** Code of a page, in `data-code` of its body. Programs get the same codes as `error`. */
export type PageCode =
  | 'access_denied'
  | 'already_used'
  | 'authorization_error'
  | 'connected'
  | 'connections'
  | 'continue'
  | 'cross_site'
  | 'expired_login'
  | 'failed'
  | 'finish'
  | 'grant_not_found'
  | 'invalid_callback'
  | 'invalid_return_to'
  | 'invalid_scope'
  | 'logged_out'
  | 'method_not_allowed'
  | 'missing_scope'
  | 'navigate'
  | 'not_found'
  | 'not_logged_in'
  | 'prefetch'
  | 'reauthorization_required'
  | 'refused'
  | 'state_mismatch'
  | 'store_error'
  | 'unavailable'
  | 'wrong_subject'

/** A link of a page, or with `method` a button in a form of its own. */
export interface PageAction {
  readonly href: string
  readonly label: string
  /** Makes the action a button that posts `fields`. Absent: a link. */
  readonly method?: 'post'
  readonly fields?: Readonly<Record<string, string>>
}

/** A connection on the page `connections`. */
export interface PageRow {
  /** The provider's name, with the account if there are several. */
  readonly label: string
  /** The connection's state in the user's words. */
  readonly text: string
  readonly actions: readonly PageAction[]
}

/** What a page says and offers. All of it is plain text, not HTML. */
export interface PageContent {
  /** The response's HTTP status. */
  readonly status: number
  readonly code: PageCode
  readonly title: string
  /** Paragraphs below the title. */
  readonly text: readonly string[]
  readonly actions: readonly PageAction[]
  readonly rows?: readonly PageRow[]
  /** The provider's own text about an error, and the word above it. Never contains a secret. */
  readonly detail?: { readonly label: string; readonly text: string }
}
