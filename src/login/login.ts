import type { KeptLogin } from '../client/flows/authorization-request.ts'
import { CallbackError, ConfigError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import { sha256 } from '../util/crypto.ts'
import type { JsonValue } from '../model/token.ts'
import type { Identity } from '../refresh/identity.ts'
import type { GrantStatus } from '../refresh/status.ts'

/** Whose grant a finished log-in becomes. */
export interface CompleteOptions {
  /**
   * The application's id of who logs in: who is logged in at the application; or a function that finds or makes the user by the identity that the
   * provider tells. The function is called after the code was exchanged and before the grant is saved, again for each repeat of the callback, and must return
   * the same for the same identity. With `undefined` nothing is stored, and the call rejects with a `CallbackError` `refused`.
   */
  readonly subject: string | ((identity: Identity) => string | undefined | null | Promise<string | undefined | null>)
  /** Which of several accounts of the subject it is, or a function that says it. @default what `connect()` was given, else '' */
  readonly account?: string | ((identity: Identity) => string | Promise<string>)
}

/** What came of a log-in. */
export interface LoginResult {
  readonly key: GrantKey
  readonly status: GrantStatus
  /** Who it is at the provider: there with an ID token, or when `subject` or `account` is a function. */
  readonly identity?: Identity
  /** The claims of the ID token. */
  readonly claims?: Readonly<Record<string, JsonValue>>
  /** The members of the token answer that have no place of their own. */
  readonly extra: Readonly<Record<string, JsonValue>>
  /** What was granted. */
  readonly scope?: readonly string[]
  /** What was asked for and not granted. */
  readonly missingScope: readonly string[]
  /** Whether the grant can be renewed without the user. If not, it ends with its access token. */
  readonly renewable: boolean
  /** Whether this log-in was finished before: the callback came more than once. */
  readonly repeated: boolean
  /** Whether the grant was another person's of the provider before. */
  readonly identityChanged: boolean
  readonly returnTo?: string
}

/** For an installation that the provider began: there is no pending log-in. */
export interface UnsolicitedOptions extends CompleteOptions {
  /** The client's name. */
  readonly client: string
  readonly unsolicited: true
}

/** The id of the grant that a log-in becomes: a repeated callback knows it in any process. */
export async function grantIdOf(pending: KeptLogin): Promise<string> {
  const { id } = pending
  if (typeof id !== 'string' || id === '')
    throw new ConfigError('pending is not complete: keep all of what connect() returned.')
  return (await sha256(id)).slice(0, 22)
}

/** @throws ConfigError */
export function checkCompleteOptions(options: CompleteOptions): void {
  const { subject, account } = options ?? {}
  if (typeof subject !== 'string' && typeof subject !== 'function')
    throw new ConfigError(
      'complete() needs `subject`: the id of who is logged in at the application, or a function that finds it by the identity that the provider tells.',
    )
  if (account !== undefined && typeof account !== 'string' && typeof account !== 'function')
    throw new ConfigError('Expected account to be a string, or a function of the identity.')
}

export function wrongSubject(): CallbackError {
  return new CallbackError('wrong_subject', 'This log-in was begun by another user of the application.')
}

export function refused(): CallbackError {
  return new CallbackError(
    'refused',
    'The application knows nobody by the identity that the provider told: `subject` returned none. Nothing was stored.',
  )
}

export function alreadyUsed(cause?: unknown): CallbackError {
  const text =
    cause === undefined
      ? 'This log-in was finished already, and its grant is not there.'
      : 'This log-in was tried before and failed: `cause` says why.'
  return new CallbackError('already_used', text, cause === undefined ? undefined : { cause })
}
