import { ConfigError, TokenResponseError } from '../../model/errors.ts'
import { Secrets } from '../../util/redact.ts'
import { isVisibleAscii, type AccessToken, type JsonValue, type Token } from '../../model/token.ts'
import { withinTimeout, type ClientContext } from '../context.ts'
import { send, type HttpAnswer } from '../http/send.ts'
import { readClaims } from '../answers/claims.ts'
import { normaliseUserInfo } from '../answers/token-answer.ts'
import { refused } from '../answers/refusal.ts'
import { endpointOf } from '../server.ts'
import { loadOauth4webapi, oauthClient } from '../oauth4webapi.ts'
import { placeOfGrant } from '../token-origin.ts'

/**
 * What the provider says about the user (OpenID Connect Core section 5.3.2). The issuer with `sub` identifies the
 * account, never the e-mail address.
 */
export interface UserInfo {
  readonly sub: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
  readonly picture?: string
  readonly [claim: string]: JsonValue | undefined
}

/** Asks the user info endpoint for the token's user. */
export async function fetchUserInfo(client: ClientContext, token: Token | AccessToken): Promise<UserInfo> {
  if (!isVisibleAscii(token.accessToken))
    throw new ConfigError('Expected the token of userInfo() to be one with an access token.')
  const grant = 'extra' in token ? token : undefined
  const { context, server } = placeOfGrant(client, await client.directory.server(), grant)
  const url = endpointOf(server, 'userinfo_endpoint', context.name)
  const secrets = new Secrets(context.secrets).add(token.accessToken)
  const oauth = await loadOauth4webapi()
  const answer = await withinTimeout(context, 'user info request', undefined, (signal) =>
    send(context, {
      purpose: 'user info request',
      url,
      method: 'GET',
      headers: {
        accept: 'application/json, application/jwt',
        authorization: `Bearer ${token.accessToken}`,
      },
      signal,
      secrets,
    }),
  )
  if (answer.status !== 200)
    throw refused(context, answer.status, challengeOf(answer.headers), secrets, adviceFor(answer.status))
  const subject = 'idToken' in token ? readClaims(token.idToken)?.['sub'] : undefined
  const jwt = /^application\/jwt\b/i.test(answer.headers.get('content-type') ?? '')
  const response = new Response(jwt ? (answer.text ?? '') : normaliseUserInfo(answer.text ?? ''), {
    headers: { 'content-type': jwt ? 'application/jwt' : 'application/json' },
  })
  try {
    const expected = typeof subject === 'string' ? subject : oauth.skipSubjectCheck
    return Object.freeze(
      await oauth.processUserInfoResponse(server.as, oauthClient(oauth, context), expected, response),
    ) as UserInfo
  } catch (error) {
    const other = (error as { code?: unknown }).code === oauth.JSON_ATTRIBUTE_COMPARISON
    throw new TokenResponseError(
      context.name,
      {
        status: 200,
        problem: other ? 'identity_changed' : 'unreadable',
        reason: other
          ? 'it is about another user than the ID token. Do not use it.'
          : 'it is not a JSON object with a sub.',
        retryable: false,
        endpoint: 'user info endpoint',
      },
      { cause: secrets.cause(error) },
    )
  }
}

/** Reads the error of a bearer challenge (RFC 6750 section 3). */
function challengeOf(headers: HttpAnswer['headers']): { error?: string; errorDescription?: string } {
  const challenge = headers.get('www-authenticate') ?? ''
  const member = (name: string): string | undefined => {
    const match = new RegExp(`\\b${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,]+))`, 'i').exec(challenge)
    const value = match?.[1] ?? match?.[2]
    return value === undefined || value === '' ? undefined : value
  }
  const error = member('error')
  const errorDescription = member('error_description')
  return { ...(error === undefined ? {} : { error }), ...(errorDescription === undefined ? {} : { errorDescription }) }
}

function adviceFor(status: number): string {
  if (status === 401) return 'The access token is no longer valid. Refresh it and ask again.'
  if (status === 403)
    return 'The access token does not allow this. Request a scope such as openid, profile or email in the login.'
  return "See the provider's documentation of its user info endpoint."
}
