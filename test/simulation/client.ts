import type { InternalClient } from '../../src/client/internal-client.ts'
import { ProviderUnavailableError, TokenRequestError, TokenResponseError } from '../../src/model/errors.ts'
import type { Provider } from '../../src/model/provider.ts'
import { makeToken, mergeRefreshed } from '../../src/model/token.ts'
import { ConnectionLost, type Answer, type Network } from './network.ts'
import type { Process } from './process.ts'
import type { Mode, Registration } from './server.ts'

const ORIGIN = 'https://as.example'

/** The provider's data, with or without the server's reaction to a repeated refresh token. */
export function providerOf(mode: Mode, declared: boolean, graceMs: number): Provider {
  const grace = { rotates: true, reuseGraceMs: graceMs }
  const refresh =
    mode === 'static'
      ? { rotates: false }
      : mode === 'time'
        ? { ...grace, reuseGraceUntil: 'time' as const }
        : mode === 'strict' || mode === 'refuse'
          ? { rotates: true }
          : grace
  return {
    name: 'acme',
    server: { issuer: ORIGIN, token_endpoint: `${ORIGIN}/token`, revocation_endpoint: `${ORIGIN}/revoke` },
    ...(declared && { refresh }),
  }
}

/** The client's core without HTTP, with the behaviour of `redemption.ts` and `http.ts`. */
export function simulatedCore(
  network: Network,
  process: Process,
  registration?: Registration,
): Pick<InternalClient, 'prepareRedemption' | 'revoke'> {
  return {
    prepareRedemption: async (previous) => async (call) => {
      const receivedAt = process.clock.now()
      let answer: Answer
      try {
        answer = await network.redeem(process, previous.refreshToken ?? '', call?.signal, registration)
      } catch (error) {
        if (!(error instanceof ConnectionLost)) throw error
        throw new ProviderUnavailableError('No answer came.', { maybeProcessed: error.sent })
      }
      if (answer.kind === 'unreadable') {
        throw new TokenResponseError('acme', {
          status: 200,
          problem: 'unreadable',
          reason: 'not JSON',
          retryable: false,
        })
      }
      if (answer.kind === 'refusal') throw refusal(answer)
      const { accessToken, refreshToken, lifetimeMs } = answer.issued
      const token = makeToken({ accessToken, refreshToken, receivedAt, expiresAt: receivedAt + lifetimeMs })
      return { token: mergeRefreshed(previous, token), scopeChanged: false, idTokenDropped: false }
    },
    revoke: async (token) => {
      try {
        return await network.revoke(process, token.refreshToken)
      } catch {
        throw new ProviderUnavailableError('No answer came.', { maybeProcessed: false })
      }
    },
  }
}

function refusal({ status, error, retryAfterS }: Extract<Answer, { kind: 'refusal' }>): Error {
  if (status === 429 || status >= 500) {
    const retryAfterMs = retryAfterS === undefined ? undefined : retryAfterS * 1000
    return new ProviderUnavailableError(`status ${status}`, { status, retryAfterMs, maybeProcessed: false })
  }
  return new TokenRequestError('acme', {
    status,
    retryable: error === undefined,
    ...(error !== undefined && { error }),
  })
}

/** The core of a client whose provider accepts requests and never responds. */
export function hangingCore(): Pick<InternalClient, 'prepareRedemption' | 'revoke'> {
  return {
    prepareRedemption: async () => (call) =>
      new Promise((_resolve, reject) => {
        call?.signal?.addEventListener('abort', () => reject(call.signal?.reason as Error), { once: true })
      }),
    revoke: () => new Promise(() => undefined),
  }
}

/** The client that a request names by HTTP basic authentication, or undefined without a secret. */
function registrationOf(headers: Headers): Registration | undefined {
  const [scheme, credentials = ''] = (headers.get('authorization') ?? '').split(' ')
  if (scheme !== 'Basic') return undefined
  const [clientId = '', secret = ''] = atob(credentials).split(':').map(decodeURIComponent)
  return { clientId, secret }
}

/** The same over HTTP, for the whole OAuth2Client. */
export function simulatedFetch(network: Network, process: Process): typeof globalThis.fetch {
  return async (input, init) => {
    const body = new URLSearchParams(init?.body as URLSearchParams)
    try {
      if (String(input instanceof Request ? input.url : input).endsWith('/revoke')) {
        await network.revoke(process, body.get('token') ?? undefined)
        return new Response(null, { status: 200 })
      }
      const registration = registrationOf(new Headers(init?.headers))
      const signal = init?.signal ?? undefined
      return responseOf(await network.redeem(process, body.get('refresh_token') ?? '', signal, registration))
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      throw new TypeError('fetch failed', { cause: error })
    }
  }
}

function responseOf(answer: Answer): Response {
  if (answer.kind === 'unreadable') return new Response('<html>', { headers: { 'content-type': 'application/json' } })
  if (answer.kind === 'issued') {
    const { accessToken, refreshToken, lifetimeMs } = answer.issued
    return Response.json({
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: 'Bearer',
      expires_in: lifetimeMs / 1000,
    })
  }
  const headers = answer.retryAfterS === undefined ? {} : { 'retry-after': String(answer.retryAfterS) }
  if (answer.error === undefined) return new Response(null, { status: answer.status, headers })
  return Response.json({ error: answer.error }, { status: answer.status, headers })
}
