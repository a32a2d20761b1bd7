import { type Clock, completeClock } from '../util/clock.ts'
import { ConfigError } from '../model/errors.ts'
import type { Provider, ServerMetadata } from '../model/provider.ts'
import { sha256 } from '../util/crypto.ts'
import type { ScriptedAnswer, ScriptedRequest } from './scripted-answer.ts'
import { connectionError, untilAborted } from './scripted-failure.ts'
import { type IssuedToken, ScriptedGrants } from './scripted-grants.ts'

/** Options of a scripted provider. */
export interface ScriptedProviderOptions {
  /** Source of time for expiry and latency. @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Whether a refresh returns a new refresh token and ends the old one. @default true */
  readonly rotates?: boolean | undefined
  /**
   * What a second redemption of a refresh token does: end the whole grant, fail, or, within `graceMs`, succeed like the
   * first. @default 'revoke'
   */
  readonly reuse?: 'revoke' | 'refuse' | { readonly graceMs: number } | undefined
  /** Lifetime of access tokens in seconds. null: the responses have no `expires_in`. @default 3600 */
  readonly expiresIn?: number | null | undefined
  /** How long each response takes, in milliseconds of the clock. @default 0 */
  readonly latencyMs?: number | undefined
}

/** A provider without a socket: its endpoints, and its own resource, behind a `fetch` function. */
export interface ScriptedProvider {
  /** For `new OAuth2Client({ provider, clientId, fetch })`. Any client id and secret is accepted. */
  readonly provider: Provider
  readonly fetch: typeof globalThis.fetch
  /** Every request so far, oldest first. */
  readonly requests: readonly ScriptedRequest[]
  /** The token requests among them. */
  readonly tokenRequests: readonly ScriptedRequest[]
  /** Successful redemptions of a refresh token, and attempts to redeem a used one. */
  readonly stats: { readonly redemptions: number; readonly reuses: number }
  /** A URL that responds 200 to a valid access token, 401 to any other. */
  readonly resource: string
  /** Sets the responses to the next token requests, in this order. Later ones follow the rules again. */
  script(...answers: readonly ScriptedAnswer[]): void
  /** Makes a new grant, as if a user had logged in. Returns what the token endpoint would. */
  issue(options?: { readonly scope?: string; readonly renewable?: boolean }): IssuedToken
  /** Logs a user in at the URL of an authorization request, with consent. Returns the callback's URL. */
  login(url: string): string
  /** Ends the grant, as a user does at the provider. */
  revoke(token: string): void
}

const ORIGIN = 'https://provider.example'

const RESOURCE = 'https://api.example/resource'

const METADATA: ServerMetadata = {
  issuer: ORIGIN,
  authorization_endpoint: `${ORIGIN}/authorize`,
  token_endpoint: `${ORIGIN}/token`,
  revocation_endpoint: `${ORIGIN}/revoke`,
  introspection_endpoint: `${ORIGIN}/introspect`,
  userinfo_endpoint: `${ORIGIN}/userinfo`,
  code_challenge_methods_supported: ['S256'],
  authorization_response_iss_parameter_supported: true,
}

const ENDPOINTS: Readonly<Record<string, ScriptedRequest['endpoint']>> = {
  [`${ORIGIN}/token`]: 'token',
  [`${ORIGIN}/revoke`]: 'revocation',
  [`${ORIGIN}/introspect`]: 'introspection',
  [`${ORIGIN}/userinfo`]: 'userinfo',
  [`${ORIGIN}/.well-known/openid-configuration`]: 'metadata',
  [`${ORIGIN}/.well-known/oauth-authorization-server`]: 'metadata',
  [RESOURCE]: 'resource',
}

/** Returns a provider for tests: it rotates refresh tokens and revokes on reuse, or follows its script. */
export function scriptedProvider(options: ScriptedProviderOptions = {}): ScriptedProvider {
  return new Scripted(options)
}

class Scripted implements ScriptedProvider {
  readonly provider: Provider
  readonly fetch: typeof globalThis.fetch = (input, init) => this.#fetch(input, init)
  readonly requests: ScriptedRequest[] = []
  readonly resource: string = RESOURCE
  readonly #clock: Required<Clock>
  readonly #latencyMs: number
  readonly #grants: ScriptedGrants
  readonly #script: ScriptedAnswer[] = []
  /** The authorization requests that users consented to, by their codes. */
  readonly #codes = new Map<string, URLSearchParams>()

  constructor(options: ScriptedProviderOptions) {
    const { rotates = true, reuse = 'revoke', expiresIn = 3600, latencyMs = 0 } = options
    this.#clock = completeClock(options.clock)
    this.#latencyMs = latencyMs
    this.#grants = new ScriptedGrants({ now: () => this.#clock.now(), rotates, reuse, expiresIn })
    const grace = typeof reuse === 'object' ? ({ reuseGraceMs: reuse.graceMs, reuseGraceUntil: 'time' } as const) : {}
    this.provider = {
      name: 'scripted',
      server: METADATA,
      resourceOrigins: [new URL(RESOURCE).origin],
      refresh: { rotates, ...grace },
    }
  }

  get tokenRequests(): readonly ScriptedRequest[] {
    return this.requests.filter((request) => request.endpoint === 'token')
  }

  get stats(): { readonly redemptions: number; readonly reuses: number } {
    return { redemptions: this.#grants.redemptions, reuses: this.#grants.reuses }
  }

  script(...answers: readonly ScriptedAnswer[]): void {
    this.#script.push(...answers)
  }

  issue(options: { readonly scope?: string; readonly renewable?: boolean } = {}): IssuedToken {
    return this.#grants.issue(options.scope, options.renewable ?? true)
  }

  login(url: string): string {
    const request = new URL(url).searchParams
    const redirectUri = request.get('redirect_uri')
    if (redirectUri === null)
      throw new ConfigError('Expected the URL to be that of an authorization request with a redirect_uri.')
    const code = crypto.randomUUID()
    this.#codes.set(code, request)
    const callback = new URL(redirectUri)
    callback.searchParams.set('code', code)
    callback.searchParams.set('state', request.get('state') ?? '')
    callback.searchParams.set('iss', ORIGIN)
    return callback.href
  }

  revoke(token: string): void {
    this.#grants.revoke(token)
  }

  async #fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const message = new Request(input, init)
    const { signal } = message
    signal.throwIfAborted()
    const url = new URL(message.url)
    const endpoint = ENDPOINTS[url.origin + url.pathname]
    if (endpoint === undefined) return json({ error: 'not_found' }, 404)
    const params = new URLSearchParams(await message.text())
    const request: ScriptedRequest = {
      endpoint,
      method: message.method,
      url: url.href,
      headers: message.headers,
      params,
    }
    this.requests.push(request)
    const scripted = endpoint === 'token' ? this.#script.shift() : undefined
    if (this.#latencyMs > 0) await this.#clock.delay(this.#latencyMs, signal)
    return scripted === undefined ? this.#byRules(request) : this.#play(scripted, request, signal)
  }

  async #play(answer: ScriptedAnswer, request: ScriptedRequest, signal: AbortSignal): Promise<Response> {
    switch (answer) {
      case 'unreachable':
        throw connectionError('ECONNREFUSED')
      case 'request_lost':
        throw connectionError('ECONNRESET')
      case 'answer_lost':
        await this.#byRules(request)
        throw connectionError('ECONNRESET')
      case 'hang':
        return untilAborted(signal)
    }
    if (typeof answer === 'function') {
      const result = await answer(request, () => this.#byRules(request))
      return result instanceof Response ? result : this.#play(result, request, signal)
    }
    const { status = 200, headers = {}, body } = answer
    if (typeof body === 'object') return json(body, status, headers)
    return new Response(body ?? null, { status, headers: { ...headers } })
  }

  async #byRules({ endpoint, params, headers }: ScriptedRequest): Promise<Response> {
    const bearer = headers.get('authorization')?.replace(/^Bearer /i, '') ?? ''
    switch (endpoint) {
      case 'metadata':
        return json(METADATA)
      case 'token':
        return this.#token(params)
      case 'revocation':
        this.#grants.revoke(params.get('token') ?? '')
        return new Response(null)
      case 'introspection': {
        const token = params.get('token') ?? ''
        const scope = this.#grants.scopeOf(token)
        return json(this.#grants.accepts(token) ? { active: true, scope } : { active: false })
      }
      default:
        if (this.#grants.accepts(bearer)) return json({ sub: 'scripted user' })
        return json({ error: 'invalid_token' }, 401, { 'www-authenticate': 'Bearer error="invalid_token"' })
    }
  }

  async #token(params: URLSearchParams): Promise<Response> {
    const scope = params.get('scope') ?? undefined
    switch (params.get('grant_type')) {
      case 'refresh_token':
        return granted(this.#grants.redeem(params.get('refresh_token')))
      case 'client_credentials':
        return granted(this.#grants.issue(scope, false))
      case 'authorization_code':
        return granted(await this.#exchange(params))
      default:
        return json({ error: 'unsupported_grant_type' }, 400)
    }
  }

  async #exchange(params: URLSearchParams): Promise<IssuedToken | undefined> {
    const code = params.get('code') ?? ''
    const request = this.#codes.get(code)
    this.#codes.delete(code)
    if (request === undefined || request.get('redirect_uri') !== params.get('redirect_uri')) return undefined
    const challenge = request.get('code_challenge')
    if (challenge !== null && challenge !== (await sha256(params.get('code_verifier') ?? ''))) return undefined
    return this.#grants.issue(request.get('scope') ?? undefined, true)
  }
}

function granted(token: IssuedToken | undefined): Response {
  return token === undefined ? json({ error: 'invalid_grant' }, 400) : json(token)
}

function json(body: object, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } })
}
