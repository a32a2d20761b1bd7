import type { KeptLogin } from '../client/flows/authorization-request.ts'
import { CallbackError, ConfigError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import { sha256 } from '../util/crypto.ts'
import type { JsonValue } from '../model/token.ts'
import type { Identity } from '../refresh/identity.ts'
import type { GrantStatus } from '../refresh/status.ts'

/** Names the grant that a completed login becomes. */
export interface CompleteOptions {
  /**
   * Your user id of the user who logs in, or a function that finds or creates the user by the provider's identity. The
   * function is called after the code was exchanged and before the grant is saved, and again for each repeat of the
   * callback. It must return the same id for the same identity. With `undefined` nothing is stored, and the call
   * rejects with a `CallbackError` `refused`.
   */
  readonly subject: string | ((identity: Identity) => string | undefined | null | Promise<string | undefined | null>)
  /**
   * Which of the subject's accounts it is, or a function that returns it. @default what `connect()` was given, else ''
   */
  readonly account?: string | ((identity: Identity) => string | Promise<string>) | undefined
}

/** The result of a login. */
export interface LoginResult {
  readonly key: GrantKey
  readonly status: GrantStatus
  /** The user at the provider. Present with an ID token, or if `subject` or `account` is a function. */
  readonly identity?: Identity
  /** The claims of the ID token. */
  readonly claims?: Readonly<Record<string, JsonValue>>
  /** Members of the token response without a place of their own. */
  readonly extra: Readonly<Record<string, JsonValue>>
  /** The granted scope. */
  readonly scope?: readonly string[]
  /** What was requested and not granted. */
  readonly missingScope: readonly string[]
  /** Whether the grant can be refreshed without the user. If not, it ends with its access token. */
  readonly renewable: boolean
  /** Whether this login was completed before: the callback arrived more than once. */
  readonly repeated: boolean
  /** Whether the grant belonged to another user of the provider before. */
  readonly identityChanged: boolean
  readonly returnTo?: string
}

/** Options for an installation that the provider starts: there is no pending login. */
export interface UnsolicitedOptions extends CompleteOptions {
  /** Name of the client. */
  readonly client: string
  readonly unsolicited: true
}

/** Id of the grant that a login becomes. A repeated callback can compute it in any process. */
export async function grantIdOf(pending: KeptLogin): Promise<string> {
  const { id } = pending
  if (typeof id !== 'string' || id === '')
    throw new ConfigError(
      "Expected pending to be the object that connect() returned. Keep all of it in the user's web session.",
    )
  return (await sha256(id)).slice(0, 22)
}

/** Checks the options. @throws ConfigError */
export function checkCompleteOptions(options: CompleteOptions): void {
  const { subject, account } = options ?? {}
  if (typeof subject !== 'string' && typeof subject !== 'function')
    throw new ConfigError(
      "Expected `subject` of complete() to be your user id, or a function that finds it by the provider's identity.",
    )
  if (account !== undefined && typeof account !== 'string' && typeof account !== 'function')
    throw new ConfigError('Expected account to be a string, or a function of the identity.')
}

export function wrongSubject(): CallbackError {
  return new CallbackError('wrong_subject', 'This login was started by another user of the application.')
}

export function refused(): CallbackError {
  return new CallbackError(
    'refused',
    "The application refused the login: `subject` returned no user id for the provider's identity. Nothing was stored.",
  )
}

export function alreadyUsed(cause?: unknown): CallbackError {
  const text =
    cause === undefined
      ? 'This login was already used: each pending login is accepted once.'
      : 'This login was tried before and failed, see `cause`.'
  return new CallbackError('already_used', text, cause === undefined ? undefined : { cause })
}
