import type { IncomingMessage } from 'node:http'
import type Provider from 'oidc-provider'
import { replayRequest } from './read-body.ts'

/**
 * Google revokes whatever token is presented, in the query or in the form, without asking which client presents it;
 * RFC 7009 and oidc-provider ask. This adds the authentication of the token's own client.
 * @returns the request for oidc-provider, or undefined when the token is unknown
 */
export async function completeRevocation(
  provider: Provider,
  request: IncomingMessage,
  form: URLSearchParams,
): Promise<IncomingMessage | undefined> {
  const token = form.get('token') ?? new URL(request.url ?? '/', provider.issuer).searchParams.get('token')
  if (token === null) return undefined
  const found =
    (await provider.RefreshToken.find(token)) ??
    (await provider.AccessToken.find(token)) ??
    (await provider.ClientCredentials.find(token))
  const client = found?.clientId === undefined ? undefined : await provider.Client.find(found.clientId)
  if (!client) return undefined
  const body = new URLSearchParams({
    token,
    client_id: client.clientId,
    ...(client.clientSecret === undefined ? {} : { client_secret: client.clientSecret }),
  })
  const replay = replayRequest(request, body.toString())
  replay.headers['content-type'] = 'application/x-www-form-urlencoded'
  return replay
}
