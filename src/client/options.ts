import { completeClock, MAX_TIMER_MS, type Clock } from '../util/clock.ts'
import { ConfigError } from '../model/errors.ts'
import { isLogger, redactingLogger, type Logger } from '../model/logger.ts'
import type { Provider } from '../model/provider.ts'
import { Secrets } from '../util/redact.ts'
import { isVisibleAscii } from '../model/token.ts'
import { assertRedirectUri, openidWithoutIssuer } from './check-login.ts'
import { checkProvider } from './check-provider.ts'
import type { ClientAuth } from '../model/client-auth.ts'
import { CLIENT_AUTH_METHODS, needsSecret } from './client-auth.ts'
import type { ClientContext } from './context.ts'
import { makeCredentials, type ClientSecret } from './credentials.ts'
import { ServerDirectory } from './discovery.ts'
import { checkAnswerData } from './provider-data.ts'
import { compileRefusals } from './answers/refusal-rules.ts'
import { scopeList } from './http/request-params.ts'
import { isLoopback } from './http/transport-security.ts'
import { fetchTransport, type Transport } from './http/transport.ts'

/** The default of `timeoutMs`. */
const DEFAULT_TIMEOUT_MS = 10_000

/** The default of `clockToleranceMs`, and its maximum. */
const CLOCK_TOLERANCE_MS = 60_000
const MAX_CLOCK_TOLERANCE_MS = 300_000

/** The default of `userAgent`. */
const USER_AGENT = 'evergrant'

/** Options of a client: one registration at one provider. The object is read once and never changed. */
export interface OAuth2ClientOptions {
  /** A preset of `evergrant/providers`, or `{ name, server }` for any other provider. */
  readonly provider: Provider
  readonly clientId: string
  /**
   * The client's secret. Of several, the next one is tried once on `invalid_client`, while a secret is rotated. A
   * function is called for each operation, so that a secret may be loaded at run time. An explicit `undefined` is a
   * mistake, unless `clientAuth` needs no secret.
   */
  readonly clientSecret?: ClientSecret | undefined
  /** How the client authenticates. @default what the provider says, else basic with a secret, else none */
  readonly clientAuth?: ClientAuth | undefined
  /** Where the provider returns the user, exactly as registered there. Some providers use a name of their own. */
  readonly redirectUri?: string | undefined
  /** Scope to request by default. A string is split at spaces. */
  readonly scope?: string | readonly string[] | undefined
  /** Whether logins request a refresh token, in the provider's way. @default true */
  readonly offline?: boolean | undefined
  /**
   * Where sessions may send the token: origins, `https://*.example.com` for its subdomains, or `['*']` for every https
   * origin.
   * @default the origins of the server's own endpoints and of the provider's APIs
   */
  readonly resourceOrigins?: readonly string[] | undefined
  /**
   * Whether plain HTTP to loopback is allowed for a program that is itself reached elsewhere. Without it, http needs a
   * server (or resource) on loopback and a program whose redirect URI, if any, is on loopback too. Http off loopback is
   * always refused. @default false
   */
  readonly allowInsecureRequests?: boolean | undefined
  /** Maximum time of one request to the provider, in ms. @default 10_000 */
  readonly timeoutMs?: number | undefined
  /**
   * Maximum difference between the clocks of this machine and of the server that signs ID tokens, in ms, up to 5
   * minutes. @default 60_000
   */
  readonly clockToleranceMs?: number | undefined
  /** The `User-Agent` of requests to the provider's endpoints. @default 'evergrant' */
  readonly userAgent?: string | undefined
  /**
   * Sends requests to the provider's endpoints and, by default, to resources. Use it for proxies and pools. @default
   * globalThis.fetch
   */
  readonly fetch?: typeof globalThis.fetch | undefined
  /**
   * Sends requests to the provider's endpoints in place of `fetch`. `undiciTransport()` of `evergrant/undici` makes a
   * faster one. @default made of `fetch`
   */
  readonly transport?: Transport | undefined
  /** Source of time. @default the machine's clock */
  readonly clock?: Clock | undefined
  /** Receives log lines, always redacted. `console`, pino and winston fit. @default no log */
  readonly logger?: Logger | undefined
}

/** Checks a client's options and makes the context that its operations start from. */
export function makeContext(options: OAuth2ClientOptions): ClientContext {
  if (typeof options !== 'object' || options === null)
    throw new ConfigError('Expected the options of OAuth2Client to be { provider, clientId, … }.')
  checkProvider(options.provider)
  const { provider } = options
  const { name } = provider
  const { clientId, redirectUri, clientSecret, clientAuth, fetch, transport } = options
  if (typeof clientId !== 'string' || clientId === '') throw missing(name, 'clientId', 'a non-empty string')
  checkSecret(name, clientSecret)
  if ('clientSecret' in options && clientSecret === undefined && !worksWithoutSecret(clientAuth ?? provider.clientAuth))
    throw unset(name)
  checkAuth(name, clientAuth, clientSecret !== undefined)
  checkAuth(name, provider.clientAuth, true)
  if (redirectUri !== undefined) assertRedirectUri(redirectUri, provider)
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= MAX_TIMER_MS)) {
    throw missing(name, 'timeoutMs', `a number of milliseconds from 1 to ${MAX_TIMER_MS}`)
  }
  const { clockToleranceMs = CLOCK_TOLERANCE_MS, offline = true, userAgent = USER_AGENT } = options
  if (typeof clockToleranceMs !== 'number' || !(clockToleranceMs >= 0 && clockToleranceMs <= MAX_CLOCK_TOLERANCE_MS)) {
    throw missing(name, 'clockToleranceMs', `a number of milliseconds from 0 to ${MAX_CLOCK_TOLERANCE_MS}`)
  }
  if (typeof offline !== 'boolean') throw missing(name, 'offline', 'true or false')
  if (!isVisibleAscii(userAgent)) throw missing(name, 'userAgent', 'a text that is allowed in a header')
  if (fetch !== undefined && typeof fetch !== 'function') throw missing(name, 'fetch', 'a function')
  if (transport !== undefined && typeof transport !== 'function') throw missing(name, 'transport', 'a function')
  if (options.clock !== undefined && typeof options.clock?.now !== 'function')
    throw missing(name, 'clock', 'an object with now()')
  if (options.logger !== undefined && !isLogger(options.logger)) {
    throw missing(name, 'logger', 'an object with the methods debug, info, warn and error')
  }
  const scope = scopeList(options.scope, `scope of client '${name}'`)
  const secrets = new Secrets()
  // Looked up at each call: instrumentation may replace the global one later.
  const resourceFetch = fetch ?? ((input: RequestInfo | URL, init?: RequestInit) => globalThis.fetch(input, init))
  const http = {
    name,
    clock: completeClock(options.clock),
    transport: transport ?? fetchTransport(resourceFetch),
    logger: options.logger === undefined ? undefined : redactingLogger(options.logger, secrets),
    userAgent,
    headers: provider.headers,
    insecure: {
      name,
      allowInsecureRequests: options.allowInsecureRequests === true,
      remote: redirectUri !== undefined && !isLocalRedirect(redirectUri),
    },
  }
  checkAnswerData(provider, http.insecure)
  const directory = new ServerDirectory(http, provider, timeoutMs)
  if (scope?.includes('openid') === true && directory.known !== undefined && directory.known.issuer === undefined) {
    throw openidWithoutIssuer(name)
  }
  return {
    ...http,
    clientId,
    fetch: resourceFetch,
    provider,
    judgeRefusal: compileRefusals(provider),
    timeoutMs,
    redirectUri,
    scope,
    offline,
    clockToleranceMs,
    secrets,
    directory,
    credentials: makeCredentials({
      client: { name, clientId, secrets },
      auth: clientAuth,
      providerAuth: provider.clientAuth,
      secret: clientSecret,
    }),
  }
}

function checkSecret(client: string, secret: ClientSecret | undefined): void {
  if (secret === undefined || typeof secret === 'function') return
  const list = typeof secret === 'string' ? [secret] : secret
  if (!Array.isArray(list) || list.length === 0 || list.some((each) => typeof each !== 'string' || each === '')) {
    throw missing(
      client,
      'clientSecret',
      'a non-empty string, a list of such, or a function. Is an environment variable unset?',
    )
  }
}

function checkAuth(client: string, auth: ClientAuth | undefined, hasSecret: boolean): void {
  if (auth === undefined || typeof auth === 'function') return
  if (!CLIENT_AUTH_METHODS.includes(auth))
    throw missing(client, 'clientAuth', `${CLIENT_AUTH_METHODS.join(', ')} or a function`)
  if (needsSecret(auth) && !hasSecret)
    throw new ConfigError(`Client '${client}' has no clientSecret, which clientAuth '${auth}' needs. Pass it.`)
}

function worksWithoutSecret(auth: ClientAuth | undefined): boolean {
  return auth !== undefined && !needsSecret(auth)
}

function unset(client: string): ConfigError {
  return new ConfigError(
    `Expected clientSecret of client '${client}' to be set, got undefined. Is an environment variable unset? Pass the secret, or a function that returns it when needed; for a public client leave clientSecret out, or set clientAuth: 'none'.`,
  )
}

function missing(client: string, option: string, expected: string): ConfigError {
  return new ConfigError(
    `Expected ${option} of client '${client}' to be ${expected}${expected.endsWith('?') ? '' : '.'}`,
  )
}

/**
 * Custom schemes belong to native applications, which are on the user's own machine. A provider's own name says
 * nothing.
 */
function isLocalRedirect(redirectUri: string): boolean {
  if (!URL.canParse(redirectUri)) return true
  const url = new URL(redirectUri)
  return !/^https?:$/.test(url.protocol) || isLoopback(url)
}
