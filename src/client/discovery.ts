import { ConfigError, DiscoveryError, EvergrantError } from '../errors.ts'
import type { Provider, ServerMetadata } from '../providers/provider.ts'
import { Secrets } from '../redact.ts'
import { withDeadline } from './deadline.ts'
import { send, type HttpAnswer, type HttpContext } from './http.ts'
import { isIssuerOf } from './issuers.ts'
import { assertElsewhere, assertIssuer, makeServer, type Server } from './server.ts'
import { isThisMachine } from './transport-security.ts'

/** Metadata is asked for again after this. */
const METADATA_TTL_MS = 3_600_000

/** While the server can't answer, older metadata is used and the next try is made after this. */
const RETRY_MS = 60_000

const MOST_REDIRECTS = 3

type Place = { readonly kind: 'issuer'; readonly issuer: string } | { readonly kind: 'document'; readonly url: string }

/** What all views of one client share. */
interface Shared {
  known: Server | undefined
  /** Until then what is known is taken as it is. */
  goodUntil: number
  flight: { readonly answer: Promise<Server>; readonly since: number } | undefined
}

/** What a client knows of its server: given metadata, or discovered (RFC 8414, OpenID Connect Discovery) and cached. */
export class ServerDirectory {
  readonly #context: HttpContext
  readonly #provider: Provider
  readonly #timeoutMs: number
  readonly #place: Place | undefined
  readonly #shared: Shared

  constructor(context: HttpContext, provider: Provider, timeoutMs: number, shared?: Shared) {
    this.#context = context
    this.#provider = provider
    this.#timeoutMs = timeoutMs
    const { server } = provider
    const given = typeof server === 'object' && server !== null
    if (!given) this.#place = placeOf(server, provider.name, context)
    this.#shared = shared ?? {
      known: given ? makeServer(server, `The server of provider '${provider.name}'`, context.insecure) : undefined,
      goodUntil: given ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY,
      flight: undefined,
    }
  }

  /** The same under another name of the client, for errors and logs. */
  named(name: string): ServerDirectory {
    const context = { ...this.#context, name, insecure: { ...this.#context.insecure, name } }
    return new ServerDirectory(context, this.#provider, this.#timeoutMs, this.#shared)
  }

  /** What is known without asking. */
  get known(): Server | undefined {
    return this.#shared.known
  }

  /** The issuer, or the token endpoint where the server has none, as far as it is known without asking: a configured issuer always is. */
  get knownIssuer(): string | undefined {
    if (this.#place?.kind === 'issuer') return this.#place.issuer
    const { known } = this.#shared
    return known === undefined ? undefined : (known.issuer ?? known.tokenEndpoint)
  }

  /** The issuer, or the token endpoint where the server has none; a given issuer needs no discovery. */
  async issuer(): Promise<string> {
    if (this.#place?.kind === 'issuer') return this.#place.issuer
    const server = await this.server()
    return server.issuer ?? server.tokenEndpoint
  }

  /**
   * The server. It is waited for only while nothing is known: all callers share one flight, and a failure is not remembered. What is known is used at once, for as long as
   * nothing newer can be had; when it is an hour old, one flight in the background asks again.
   */
  async server(signal?: AbortSignal): Promise<Server> {
    const { known, goodUntil } = this.#shared
    if (known === undefined) {
      const { clock } = this.#context
      return withDeadline(
        clock,
        this.#timeoutMs,
        signal,
        () => this.#tooLate(),
        () => this.#join(),
      )
    }
    if (this.#context.clock.now() >= goodUntil) void this.#join().catch(() => undefined)
    return known
  }

  /** The flight that is under way, or a new one. One that is too old has died with the request that began it, where the host ends a request's work. */
  #join(): Promise<Server> {
    const shared = this.#shared
    const now = this.#context.clock.monotonic()
    if (shared.flight !== undefined && now - shared.flight.since <= this.#timeoutMs) return shared.flight.answer
    const answer = this.#discover().finally(() => {
      if (shared.flight?.answer === answer) shared.flight = undefined
    })
    shared.flight = { answer, since: now }
    return answer
  }

  async #discover(): Promise<Server> {
    const shared = this.#shared
    const { clock, logger, name } = this.#context
    try {
      const found = await this.#ask()
      this.#assertSameIssuer(found)
      shared.known = found
      shared.goodUntil = clock.now() + METADATA_TTL_MS
      return found
    } catch (error) {
      if (shared.known === undefined) throw error
      logger?.warn('the metadata could not be had again: the earlier one is used', {
        client: name,
        error: error instanceof Error ? error.message : String(error),
      })
      shared.goodUntil = clock.now() + RETRY_MS
      return shared.known
    }
  }

  /** Grants and log-ins under way belong to the issuer that was known first. */
  #assertSameIssuer(found: Server): void {
    const { known } = this.#shared
    if (known === undefined || known.issuer === found.issuer) return
    throw new DiscoveryError(
      `The metadata of the provider of client '${this.#context.name}' is of another issuer than before (${String(found.issuer).slice(0, 200)}). It is not used while this process lives.`,
      { retryable: false },
    )
  }

  #tooLate(): DiscoveryError {
    return new DiscoveryError(
      `The metadata of the provider of client '${this.#context.name}' did not come within ${this.#timeoutMs} ms. Try again later.`,
      { retryable: true },
    )
  }

  async #ask(): Promise<Server> {
    const place = this.#place
    const { clock } = this.#context
    if (place === undefined) throw new TypeError('Metadata that was given is never asked for.')
    return withDeadline(
      clock,
      this.#timeoutMs,
      undefined,
      () => this.#tooLate(),
      (signal) =>
        place.kind === 'document'
          ? this.#fetchDocument(place.url, undefined, signal)
          : this.#tryBoth(place.issuer, signal),
    )
  }

  /** RFC 8414 first, then OpenID Connect: each server has at least the one of its kind. */
  async #tryBoth(issuer: string, signal: AbortSignal): Promise<Server> {
    const failures: DiscoveryError[] = []
    for (const url of [oauthMetadataUrl(issuer), openidMetadataUrl(issuer)]) {
      try {
        return await this.#fetchDocument(url, issuer, signal)
      } catch (error) {
        if (!(error instanceof DiscoveryError)) throw error
        failures.push(error)
      }
    }
    const status = failures.findLast((failure) => failure.status !== undefined)?.status
    throw new DiscoveryError(
      `The provider of client '${this.#context.name}' has no usable metadata for issuer ${issuer}. ${failures.map((failure) => failure.message).join(' ')}`,
      { retryable: failures.some((failure) => failure.retryable), ...(status === undefined ? {} : { status }) },
      { cause: failures[0]?.cause },
    )
  }

  async #fetchDocument(url: string, issuer: string | undefined, signal: AbortSignal): Promise<Server> {
    const { answer, from } = await this.#get(url, signal)
    const problem = (text: string): DiscoveryError =>
      new DiscoveryError(`${from}: ${text}`, { retryable: false, status: answer.status })
    if (answer.status !== 200) throw problem(`status ${answer.status}.`)
    const metadata = parseObject(answer.text)
    if (metadata === undefined) throw problem('not a JSON object of at most 1 MiB.')
    if (issuer !== undefined && !namesItself(metadata['issuer'], issuer)) {
      // RFC 8414 section 3.3 wants the very same string.
      throw problem(
        `it is of the issuer ${JSON.stringify(metadata['issuer'])?.slice(0, 200)}. If that is the one meant, write it exactly so.`,
      )
    }
    try {
      const server = makeServer(metadata as ServerMetadata, 'it', this.#context.insecure)
      if (!isThisMachine(new URL(url))) assertElsewhere(server, 'it')
      return server
    } catch (error) {
      throw problem(error instanceof Error ? error.message : 'unusable.')
    }
  }

  async #get(url: string, signal: AbortSignal): Promise<{ answer: HttpAnswer; from: string }> {
    const origin = new URL(url).origin
    let from = url
    for (let hops = 0; ; hops += 1) {
      const answer = await this.#send(from, signal)
      const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null
      if (location === null) return { answer, from }
      const next = URL.canParse(location, from) ? new URL(location, from) : undefined
      if (next?.origin !== origin || hops === MOST_REDIRECTS) {
        throw new DiscoveryError(
          `${from}: it redirects ${next?.origin === origin ? 'too often' : `to another origin (${next?.origin ?? 'unreadable'})`}. Give the URL of the metadata document itself as provider.server.`,
          { retryable: false, status: answer.status },
        )
      }
      from = next.href
    }
  }

  async #send(url: string, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await send(this.#context, {
        purpose: 'metadata request',
        url,
        method: 'GET',
        headers: { accept: 'application/json' },
        redirects: 'answer',
        signal,
        secrets: new Secrets(),
      })
    } catch (error) {
      if (!(error instanceof EvergrantError) || error.code !== 'provider_unavailable') throw error
      const { status } = error as EvergrantError & { status?: number }
      throw new DiscoveryError(
        `${url}: ${error.message}`,
        { retryable: true, ...(status === undefined ? {} : { status }) },
        { cause: error.cause },
      )
    }
  }
}

function placeOf(server: unknown, name: string, context: HttpContext): Place {
  if (typeof server !== 'string' || !URL.canParse(server)) {
    throw new ConfigError(
      `server of provider '${name}' must be an issuer URL, the URL of a metadata document, or metadata (RFC 8414).`,
    )
  }
  if (new URL(server).pathname.includes('/.well-known/') || new URL(server).pathname.endsWith('.json')) {
    // A document's URL may have a query; the rest of the rules is the same.
    assertIssuer(server.split('?')[0], `provider '${name}'`, context.insecure)
    return { kind: 'document', url: server }
  }
  assertIssuer(server, `provider '${name}'`, context.insecure)
  return { kind: 'issuer', issuer: server }
}

/** RFC 8414 section 3.1: the well-known path goes before the issuer's own path. */
export function oauthMetadataUrl(issuer: string): string {
  const url = new URL(issuer)
  url.pathname = `/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`
  return url.href
}

/** OpenID Connect Discovery section 4: the well-known path goes after the issuer's own path. */
export function openidMetadataUrl(issuer: string): string {
  const url = new URL(issuer)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
  return url.href
}

/** Whether metadata is of the issuer that was asked: itself, or the one that stands for all tenants, of which the asked one is a name. */
function namesItself(issuer: unknown, asked: string): boolean {
  return typeof issuer === 'string' && isIssuerOf(issuer, asked)
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse((text ?? '').replace(/^\uFEFF/, ''))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
