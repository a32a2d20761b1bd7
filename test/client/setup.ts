import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import type { Provider, ServerMetadata } from '../../src/model/provider.ts'
import { makeToken, type Token, type TokenFields } from '../../src/model/token.ts'

/** 2026-01-01T00:00:00Z. */
export const NOW = Date.UTC(2026, 0, 1)

export const issuer = 'https://as.example'

export const metadata: ServerMetadata & { issuer: string } = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  revocation_endpoint: `${issuer}/revoke`,
  introspection_endpoint: `${issuer}/introspect`,
  userinfo_endpoint: `${issuer}/userinfo`,
}

export interface Recorded {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: URLSearchParams
  readonly init: RequestInit
}

export type Answer =
  | Response
  | Error
  | { status?: number; body?: unknown; headers?: Record<string, string> }
  | ((request: Recorded) => Response | Promise<Response>)

/** A fetch that responds from a list and records its requests. */
export function scripted(...answers: readonly Answer[]): {
  fetch: typeof fetch
  requests: Recorded[]
  last: () => Recorded
} {
  const queue = [...answers]
  const requests: Recorded[] = []
  return {
    requests,
    last: () => requests.at(-1)!,
    fetch: async (input, init = {}) => {
      const request: Recorded = {
        url: input instanceof Request ? input.url : input.toString(),
        method: init.method ?? 'GET',
        headers: new Headers(init.headers),
        body: init.body instanceof URLSearchParams ? new URLSearchParams(init.body) : new URLSearchParams(),
        init,
      }
      requests.push(request)
      const answer = queue.length > 1 ? queue.shift() : queue[0]
      if (answer === undefined) throw new Error(`no response was scripted for ${request.method} ${request.url}`)
      if (answer instanceof Error) throw answer
      if (answer instanceof Response) return answer.clone()
      if (typeof answer === 'function') return answer(request)
      return json(answer.body ?? {}, answer)
    },
  }
}

export function json(body: unknown, init: { status?: number; headers?: Record<string, string> } = {}): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), {
    status: init.status ?? 200,
    headers: { 'content-type': 'application/json', ...init.headers },
  })
}

export function acme(more: Partial<Provider> = {}): Provider {
  return { name: 'acme', server: metadata, ...more }
}

/** A client with a fixed clock. An option that is undefined is left out. */
export function makeClient(
  fetch: typeof globalThis.fetch,
  options: Partial<OAuth2ClientOptions> = {},
  provider: Partial<Provider> = {},
): OAuth2Client {
  const all = {
    provider: acme(provider),
    clientId: 'web',
    clientSecret: 'client-secret-value',
    redirectUri: 'https://app.example/callback',
    fetch,
    clock: { now: () => NOW },
    ...options,
  }
  return new OAuth2Client(given(all))
}

function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

/** A token that was obtained an hour ago. */
export function makeOldToken(fields: Partial<TokenFields> = {}): Token {
  return makeToken({
    accessToken: 'old-access-token',
    receivedAt: NOW - 3_600_000,
    expiresAt: NOW,
    refreshToken: 'old-refresh-token',
    scope: ['read', 'write'],
    ...fields,
  })
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An ID token, whose signature is not checked because it comes from the token endpoint. */
export function makeIdToken(claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): string {
  const seconds = Math.floor(NOW / 1000)
  const all = { iss: issuer, sub: 'user-1', aud: 'web', iat: seconds, exp: seconds + 600, ...claims }
  return `${base64url({ alg: 'RS256', ...header })}.${base64url(all)}.c2lnbmF0dXJl`
}

/** Starts a login and returns the callback that completes it. */
export async function beginLogin(
  client: OAuth2Client,
  options: Parameters<OAuth2Client['authorizationRequest']>[0] = {},
): Promise<{ pending: Awaited<ReturnType<OAuth2Client['authorizationRequest']>>; callback: string }> {
  const pending = await client.authorizationRequest(options)
  return { pending, callback: `/callback?code=the-code&state=${pending.state}` }
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('expected a rejection')
}
