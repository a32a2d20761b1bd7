import { coreOf, type OAuth2Client } from './client/oauth2-client.ts'
import { ConfigError } from './model/errors.ts'
import { Emitter, type GrantEvents, type GrantListener } from './model/events.ts'
import { boundFetch } from './fetch/fetch-with.ts'
import { importToken } from './model/import-token.ts'
import { brand } from './util/other-copy.ts'
import type { Background } from './refresh/background.ts'
import { ClientHealth } from './refresh/client-health.ts'
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

/** What a session of its own starts with. */
export interface OAuth2SessionOptions {
  /** The token to start with: anything that `importToken` accepts. */
  readonly token?: Token | object
  /**
   * The token updater: gets every new token, and is awaited (for up to ten seconds) before the callers of that refresh see it.
   * If it rejects, the token is kept and served, the call is repeated, `save_delayed` is emitted, and `close()` waits for it.
   */
  readonly onToken?: (token: Token) => void | Promise<void>
  /** How to ask for a new token where there is no refresh token, e.g. `(client) => client.clientCredentials()`. */
  readonly obtain?: (client: OAuth2Client) => Promise<Token>
  readonly policy?: RefreshPolicy
  /** Where work goes that nobody waits for. @default 'detached' */
  readonly background?: Background
}

/**
 * One grant, kept fresh. Made from a client and a token it stands alone, in this process's memory; `Grants` makes sessions over a
 * shared store. Safe for concurrent use.
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
      this.#liveGrant = standalone(client, options, this.#emitter)
    }
    this.#retry401 = options.policy?.retry401 ?? true
  }

  /** Bound: pass it to ky, axios, Octokit, openapi-fetch, googleapis, an MCP transport. It sends the token to the client's `resourceOrigins` only. */
  get fetch(): typeof globalThis.fetch {
    // Made when it is first wanted: sessions are asked of Grants for each request, often for their token alone.
    return (this.#fetch ??= boundFetch({ source: this, ...this.#bind() }))
  }

  /** A valid access token; while it is fresh, the same resolved promise. @throws ReauthorizationRequiredError, GrantNotFoundError, or a retryable error when none can be had now */
  token(options?: TokenOptions): Promise<AccessToken> {
    return this.#liveGrant.token(options)
  }

  /** The access token's string. */
  async accessToken(options?: TokenOptions): Promise<string> {
    return (await this.token(options)).accessToken
  }

  /** Refreshes now, or takes the result of a refresh that is under way here or in another process. Passes the back-off once, but not the provider's `Retry-After`. */
  async refresh(): Promise<AccessToken> {
    return this.#liveGrant.refresh()
  }

  /** What is known of the grant; no secret. @throws GrantNotFoundError */
  async status(): Promise<GrantStatus> {
    return this.#liveGrant.status()
  }

  /**
   * What came with the tokens: the claims of the ID token, the members of the answers that have no place of their own, scope. With
   * `idToken: true` the raw ID token too, which logging out at the provider takes.
   * @throws GrantNotFoundError
   */
  async details(options: { readonly idToken?: boolean } = {}): Promise<GrantDetails> {
    return this.#liveGrant.details(options)
  }

  /** Ends the grant: deleted here at once, then revoked at the provider (RFC 7009) as far as that can be. */
  async disconnect(options: DisconnectOptions = {}): Promise<void> {
    await this.#liveGrant.disconnect(options)
  }

  /** Listens to this session's events. A session of `Grants` has none of its own: listen there. Answers how to stop. */
  on<K extends keyof GrantEvents>(event: K, listener: GrantListener<K>): () => void {
    if (this.#emitter === undefined)
      throw new ConfigError('Listen with grants.on(): sessions of Grants share its events.')
    return this.#emitter.on(event, listener)
  }

  /** Waits for what is under way and for tokens that are not saved yet. A session of `Grants` ends with it; this ends one that stands alone. */
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

function standalone(client: OAuth2Client, options: OAuth2SessionOptions, emitter: Emitter): LiveGrant {
  const core = coreOf(client)
  const policy = options.policy ?? {}
  checkPolicy(policy, core.timeoutMs)
  const { obtain } = options
  const { clock } = core
  return new LiveGrant({
    key: { client: core.name, subject: 'session', account: '' },
    client: {
      core,
      health: new ClientHealth(clock, (error) => {
        core.logger?.error('evergrant: the client registration seems broken', { client: core.name, error })
        emitter.emit('client_suspect', { client: core.name, at: clock.now(), error })
      }),
      obtain: obtain === undefined ? undefined : () => obtain(client),
    },
    clock,
    store: new MemoryGrants(clock),
    sealer: new Sealer(undefined),
    policy,
    background: options.background ?? 'detached',
    emitter,
    logger: core.logger,
    obtainable: obtain !== undefined,
    onToken: options.onToken,
    alone: true,
    seed:
      options.token === undefined
        ? undefined
        : importToken(options.token, { now: clock.now(), provider: core.provider, renewable: obtain !== undefined }),
  })
}
