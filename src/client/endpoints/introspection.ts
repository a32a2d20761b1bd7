import { TokenResponseError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import type { JsonValue, Token } from '../../model/token.ts'
import { authenticatedPost } from './authenticated-post.ts'
import { withinTimeout, type ClientContext } from '../context.ts'
import { pickToken, type TokenTypeHint } from './revocation.ts'
import { loadOauth4webapi, oauthClient } from '../oauth4webapi.ts'
import { placeOfGrant } from '../token-origin.ts'

/** What the server says about a token (RFC 7662 section 2.2). About an inactive one it says nothing else. */
export interface Introspection {
  readonly active: boolean
  readonly scope?: string
  readonly client_id?: string
  readonly username?: string
  readonly token_type?: string
  /** In seconds since the epoch. */
  readonly exp?: number
  readonly iat?: number
  readonly nbf?: number
  readonly sub?: string
  readonly aud?: string | readonly string[]
  readonly iss?: string
  readonly jti?: string
  readonly [member: string]: JsonValue | undefined
}

/** Asks the server whether a token is active. */
export async function introspectToken(
  client: ClientContext,
  token: Token | string,
  hint: TokenTypeHint | undefined,
): Promise<Introspection> {
  // Callers mean the access token, unless they say otherwise.
  const picked = pickToken(token, typeof token === 'string' ? hint : (hint ?? 'access_token'))
  const grant = typeof token === 'string' ? undefined : token
  const { context, server } = placeOfGrant(client, await client.directory.server(), grant)
  const secrets = new Secrets(context.secrets).add(picked.value)
  const parameters = new URLSearchParams({ token: picked.value })
  if (picked.hint !== undefined) parameters.set('token_type_hint', picked.hint)
  const oauth = await loadOauth4webapi()
  const answer = await withinTimeout(context, 'introspection', undefined, (signal) =>
    authenticatedPost(context, server, {
      purpose: 'introspection',
      endpoint: 'introspection_endpoint',
      parameters,
      secrets,
      signal,
    }),
  )
  try {
    const response = new Response(answer.text ?? '', { headers: { 'content-type': 'application/json' } })
    const result = (await oauth.processIntrospectionResponse(
      server.as,
      oauthClient(oauth, context),
      response,
    )) as Introspection
    // RFC 7662 section 2.2: other members of an inactive token are not trustworthy.
    return result.active ? Object.freeze(result) : Object.freeze({ active: false })
  } catch (error) {
    throw new TokenResponseError(
      context.name,
      {
        status: answer.status,
        problem: 'unreadable',
        reason: 'it breaks RFC 7662 section 2.2.',
        retryable: false,
        endpoint: 'introspection endpoint',
      },
      { cause: secrets.cause(error) },
    )
  }
}
