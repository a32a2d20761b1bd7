import { DiscoveryError } from '../model/errors.ts'
import type { Provider } from '../model/provider.ts'
import { withDeadline } from './http/deadline.ts'
import type { HttpContext } from './http/send.ts'
import { metadataPlace, type MetadataPlace } from './metadata-place.ts'
import { lazy } from '../util/lazy.ts'
import { makeServer, type Server } from './server.ts'

const loadMetadata = lazy(() => import('./server-metadata.ts'))

/** Metadata is asked for again after this. */
const METADATA_TTL_MS = 3_600_000

/** While the server can't answer, older metadata is used and the next try is made after this. */
const RETRY_MS = 60_000

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
  readonly #place: MetadataPlace | undefined
  readonly #shared: Shared

  constructor(context: HttpContext, provider: Provider, timeoutMs: number, shared?: Shared) {
    this.#context = context
    this.#provider = provider
    this.#timeoutMs = timeoutMs
    const { server } = provider
    const given = typeof server === 'object' && server !== null
    if (!given) this.#place = metadataPlace(server, provider.name, context.insecure)
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
    const context = this.#context
    if (place === undefined) throw new TypeError('Metadata that was given is never asked for.')
    const late = (): Error => this.#tooLate()
    return withDeadline(context.clock, this.#timeoutMs, undefined, late, async (signal) => {
      const { fetchMetadata } = await loadMetadata()
      return fetchMetadata(context, place, signal)
    })
  }
}
