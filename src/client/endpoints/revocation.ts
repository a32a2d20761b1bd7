import { ConfigError, TokenRequestError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import type { Token } from '../../model/token.ts'
import { authenticatedPost } from './authenticated-post.ts'
import { withinTimeout, type ClientContext } from '../context.ts'
import { hasEndpoint } from '../server.ts'
import { placeOfGrant } from '../token-origin.ts'

/** What kind of token a string is (RFC 7009 section 2.1). */
export type TokenTypeHint = 'access_token' | 'refresh_token'

/** Picks the value of a token that a request is about, and its hint. */
export function pickToken(
  token: Token | string,
  hint: TokenTypeHint | undefined,
): { value: string; hint: TokenTypeHint | undefined } {
  if (hint !== undefined && hint !== 'access_token' && hint !== 'refresh_token') {
    throw new ConfigError("Expected hint to be 'access_token' or 'refresh_token'.")
  }
  if (typeof token === 'string') {
    if (token === '') throw new ConfigError('Expected the token to be a non-empty string.')
    return { value: token, hint }
  }
  const kind = hint ?? (token.refreshToken === undefined ? 'access_token' : 'refresh_token')
  const value = kind === 'refresh_token' ? token.refreshToken : token.accessToken
  if (typeof value !== 'string' || value === '') throw new ConfigError(`The token has no ${kind.replace('_', ' ')}.`)
  return { value, hint: kind }
}

/** Revokes a token (RFC 7009). Returns false if the server has no revocation endpoint. */
export async function revokeToken(
  client: ClientContext,
  token: Token | string,
  hint: TokenTypeHint | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const picked = pickToken(token, hint)
  const grant = typeof token === 'string' ? undefined : token
  const { context, server } = placeOfGrant(client, await client.directory.server(signal), grant)
  if (!hasEndpoint(server, 'revocation_endpoint')) return false
  const secrets = new Secrets(context.secrets).add(picked.value)
  const parameters = new URLSearchParams({ token: picked.value })
  if (picked.hint !== undefined) parameters.set('token_type_hint', picked.hint)
  try {
    await withinTimeout(context, 'revocation', signal, (stop) =>
      authenticatedPost(context, server, {
        purpose: 'revocation',
        endpoint: 'revocation_endpoint',
        parameters,
        secrets,
        signal: stop,
      }),
    )
  } catch (error) {
    // Google's response to a token that is no longer valid, where RFC 7009 section 2.2 requires 200. Either way it is
    // revoked.
    if (!(error instanceof TokenRequestError && error.error === 'invalid_token')) throw error
  }
  return true
}
