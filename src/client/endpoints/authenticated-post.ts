import type { Secrets } from '../../util/redact.ts'
import type { ClientContext } from '../context.ts'
import { prepareAuthentication } from '../authentication.ts'
import { retryAfter, send, type HttpAnswer } from '../http/send.ts'
import { readRefusal } from '../answers/token-answer.ts'
import { refused, withNextSecret } from '../answers/refusal.ts'
import { endpointOf, type EndpointName, type Server } from '../server.ts'

interface AuthenticatedPost {
  readonly purpose: string
  readonly endpoint: EndpointName
  readonly parameters: URLSearchParams
  readonly secrets: Secrets
  readonly signal: AbortSignal | undefined
}

/** Posts a form with the client's authentication, as at the token endpoint. Returns only successes. */
export async function authenticatedPost(
  context: ClientContext,
  server: Server,
  post: AuthenticatedPost,
): Promise<HttpAnswer> {
  const { purpose, parameters, secrets, signal } = post
  const url = endpointOf(server, post.endpoint, context.name)
  const attempt = await prepareAuthentication(context.credentials, server, parameters, secrets)
  return withNextSecret(attempt, async ({ authenticated }) => {
    const headers = { ...Object.fromEntries(authenticated.headers), accept: 'application/json' }
    const answer = await send(context, {
      purpose,
      url,
      method: 'POST',
      headers,
      body: authenticated.body,
      signal,
      secrets,
    })
    if (answer.status >= 200 && answer.status <= 299) return answer
    const retryAfterMs = retryAfter(answer.headers, context.clock.now())
    throw refused(context, answer.status, { ...readRefusal(answer.text), retryAfterMs }, secrets)
  })
}
