import { coreOf, type OAuth2Client } from './client/oauth2-client.ts'
import { ConfigError } from './model/errors.ts'
import { Emitter, type GrantEvents, type GrantListener } from './model/events.ts'
import { boundFetch } from './fetch/fetch-with.ts'
import { importToken } from './model/import-token.ts'
import { makeObservable } from './model/observable.ts'
import { Observers } from './model/observer.ts'
import { brand } from './util/other-copy.ts'
import type { Background } from './refresh/background.ts'
import { watchedHealth } from './refresh/client-health.ts'
import { Sealer } from './refresh/sealer.ts'
import type { DisconnectOptions } from './refresh/disconnecting.ts'
import type { GrantDetails } from './refresh/details.ts'
import { LiveGrant } from './refresh/live-grant.ts'
import { checkPolicy, type RefreshPolicy } from './refresh/policy.ts'
import type { GrantStatus } from './refresh/status.ts'
import { readBindingsBy, type SessionBinding } from './fetch/session-binding.ts'
import { MemoryGrants } from './stores/memory-grants.ts'
import type { TokenOptions, TokenSource } from './model/token-source.ts'
import type { AccessToken, Token } from './model/token.ts'

/** Options of a session without `Grants`. */
export interface OAuth2SessionOptions {
  /** The token to start with. Accepts everything that `importToken` accepts. */
  readonly token?: Token | object | undefined
  /**
   * Receives every new token, and is awaited (for up to 10 s) before the callers of that refresh get it. If it rejects,
   * callers get the token, the call is repeated, `save_delayed` is emitted, and `close()` waits for it.
   */
  readonly onToken?: ((token: Token) => void | Promise<void>) | undefined
  /** Requests a new token if there is no refresh token: `(client) => client.clientCredentials()`. */
  readonly obtain?: ((client: OAuth2Client) => Promise<Token>) | undefined
  readonly policy?: RefreshPolicy | undefined
  /** How work that no caller waits for is run. @default 'detached' */
  readonly background?: Background | undefined
}

/**
 * One grant, kept fresh. A session made from a client and a token is independent, in this process's memory. `Grants`
 * makes sessions over a shared store. Safe for concurrent use.
 */
export class OAuth2Session implements TokenSource {
  readonly #liveGrant: LiveGrant
  readonly #emitter: Emitter | undefined
  readonly #retry401: boolean
  #fetch: typeof globalThis.fetch | undefined

  static {
    brand(OAuth2Session, 'OAuth2Session')
    readBindingsBy((source) =>
      typeof source === 'object' && source !== null && #liveGrant in source ? source.#bind() : undefined,
    )
  }

  constructor(client: OAuth2Client, options?: OAuth2SessionOptions)
  /** @internal */
  constructor(liveGrant: LiveGrant, options: { readonly policy: RefreshPolicy })
  constructor(client: OAuth2Client | LiveGrant, options: OAuth2SessionOptions = {}) {
    if (client instanceof LiveGrant) {
      this.#liveGrant = client
    } else {
      this.#emitter = new Emitter()
      const observers = new Observers(coreOf(client).clock)
      this.#liveGrant = standalone(client, options, this.#emitter, observers)
      makeObservable(this, { observers })
    }
    this.#retry401 = options.policy?.retry401 ?? true
  }

  /**
   * A `fetch` that sends the token, to the client's `resourceOrigins` only. Bound: pass it to ky, axios, Octokit,
   * openapi-fetch, googleapis or an MCP transport.
   */
  get fetch(): typeof globalThis.fetch {
    // Made at the first use: Grants make sessions for each request, often for their token alone.
    return (this.#fetch ??= boundFetch({ source: this, ...this.#bind() }))
  }

  /**
   * Returns a valid access token. While it is fresh, every call returns the same resolved promise.
   * @throws ReauthorizationRequiredError, GrantNotFoundError, or a retryable error if no token is available now
   */
  token(options?: TokenOptions): Promise<AccessToken> {
    return this.#liveGrant.token(options)
  }

  /** Returns the access token as a string. */
  async accessToken(options?: TokenOptions): Promise<string> {
    return (await this.token(options)).accessToken
  }

  /**
   * Refreshes now, or joins a refresh in progress in this or another process. Ignores the back-off once. Respects
   * `Retry-After` and the settle time.
   */
  async refresh(): Promise<AccessToken> {
    return this.#liveGrant.refresh()
  }

  /** Returns what is known of the grant, never a secret. @throws GrantNotFoundError */
  async status(): Promise<GrantStatus> {
    return this.#liveGrant.status()
  }

  /**
   * Returns what the provider sent with the tokens: the claims of the ID token, the members of the responses without a
   * place of their own, the scope. With `idToken: true` also the raw ID token, which logging out at the provider
   * requires.
   * @throws GrantNotFoundError
   */
  async details(options: { readonly idToken?: boolean } = {}): Promise<GrantDetails> {
    return this.#liveGrant.details(options)
  }

  /** Disconnects the grant: deleted here at once, then revoked at the provider (RFC 7009) if possible. */
  async disconnect(options: DisconnectOptions = {}): Promise<void> {
    await this.#liveGrant.disconnect(options)
  }

  /**
   * Adds a listener for this session's events. Returns a function that removes it. Sessions of `Grants` have no events
   * of their own: use `grants.on()`.
   */
  on<K extends keyof GrantEvents>(event: K, listener: GrantListener<K>): () => void {
    if (this.#emitter === undefined)
      throw new ConfigError('Listen with grants.on(): sessions of Grants share its events.')
    return this.#emitter.on(event, listener)
  }

  /**
   * Waits for work in progress and for unsaved tokens. Closes a session without `Grants`. A session of `Grants` is
   * closed with them.
   */
  async close(): Promise<void> {
    if (this.#emitter !== undefined) await this.#liveGrant.close()
  }

  #bind(): SessionBinding {
    return {
      freshToken: () => this.#liveGrant.freshToken(),
      rules: () => this.#liveGrant.coreNow ?? this.#liveGrant.core(),
      retry401: this.#retry401,
    }
  }
}

function standalone(
  client: OAuth2Client,
  options: OAuth2SessionOptions,
  emitter: Emitter,
  observers: Observers,
): LiveGrant {
  const core = coreOf(client)
  const policy = options.policy ?? {}
  checkPolicy(policy, core.timeoutMs)
  const { obtain, onToken, token } = options
  const { clock } = core
  if (onToken !== undefined && typeof onToken !== 'function')
    throw new ConfigError(`Expected onToken to be a function, got ${typeof onToken}.`)
  return new LiveGrant({
    key: { client: core.name, subject: 'session', account: '' },
    client: {
      core,
      health: watchedHealth({ name: core.name, clock, emitter, logger: core.logger }),
      obtain: obtain === undefined ? undefined : () => obtain(client),
    },
    clock,
    store: new MemoryGrants(clock),
    sealer: new Sealer(undefined),
    policy,
    background: options.background ?? 'detached',
    emitter,
    observers,
    logger: core.logger,
    obtainable: obtain !== undefined,
    onToken,
    alone: true,
    seed:
      token === undefined
        ? undefined
        : importToken(token, { now: clock.now(), provider: core.provider, renewable: obtain !== undefined }),
  })
}
