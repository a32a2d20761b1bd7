import type { Provider } from '../model/provider.ts'
import type { Discovery } from './discover.ts'
import type { HttpContext } from './http/send.ts'
import { metadataPlace, type MetadataPlace } from './metadata-place.ts'
import { lazy } from '../util/lazy.ts'
import { makeServer, type Server } from './server.ts'

const loadDiscovering = lazy(() => import('./discover.ts'))

/** What a client knows of its server: given metadata, or discovered (RFC 8414, OpenID Connect Discovery) and cached. */
export class ServerDirectory {
  readonly #context: HttpContext
  readonly #provider: Provider
  readonly #timeoutMs: number
  readonly #place: MetadataPlace | undefined
  readonly #shared: Discovery['shared']

  constructor(context: HttpContext, provider: Provider, timeoutMs: number, shared?: Discovery['shared']) {
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

  /** Returns the same under another name of the client, for errors and logs. */
  named(name: string): ServerDirectory {
    const context = { ...this.#context, name, insecure: { ...this.#context.insecure, name } }
    return new ServerDirectory(context, this.#provider, this.#timeoutMs, this.#shared)
  }

  /** What is known without a request. */
  get known(): Server | undefined {
    return this.#shared.known
  }

  /**
   * The issuer, or the token endpoint if the server has none, as far as it is known without a request: a configured
   * issuer always is.
   */
  get knownIssuer(): string | undefined {
    if (this.#place?.kind === 'issuer') return this.#place.issuer
    const { known } = this.#shared
    return known === undefined ? undefined : (known.issuer ?? known.tokenEndpoint)
  }

  /** Returns the issuer, or the token endpoint if the server has none. A given issuer needs no discovery. */
  async issuer(): Promise<string> {
    if (this.#place?.kind === 'issuer') return this.#place.issuer
    const server = await this.server()
    return server.issuer ?? server.tokenEndpoint
  }

  /**
   * Returns the server. It is waited for only while nothing is known: all callers share one flight, and a failure is
   * not remembered. Known metadata is used at once, until newer is available. When it is an hour old, one flight in the
   * background loads it again.
   */
  async server(signal?: AbortSignal): Promise<Server> {
    const { known, goodUntil } = this.#shared
    if (known !== undefined && this.#context.clock.now() < goodUntil) return known
    const asking = this.#ask(signal, known !== undefined)
    if (known === undefined) return asking
    void asking.catch(() => undefined)
    return known
  }

  async #ask(signal: AbortSignal | undefined, inBackground: boolean): Promise<Server> {
    const place = this.#place
    if (place === undefined) throw new TypeError('Given metadata is never loaded.')
    const { discover, waitForServer } = await loadDiscovering()
    const discovery = { context: this.#context, place, timeoutMs: this.#timeoutMs, shared: this.#shared }
    return inBackground ? discover(discovery) : waitForServer(discovery, signal)
  }
}
