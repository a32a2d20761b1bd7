import type { InternalClient } from '../client/internal-client.ts'
import { internalClientOf } from '../client/internal-client-of.ts'
import { coreOf, type OAuth2Client } from '../client/oauth2-client.ts'
import { completeClock, type Clock } from '../util/clock.ts'
import { ConfigError } from '../model/errors.ts'
import type { Emitter } from '../model/events.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import { ClientHealths, watchedHealth } from '../refresh/client-health.ts'
import type { RefreshContext } from '../refresh/context.ts'
import { lookedUp, type ClientUse } from '../refresh/grant-client.ts'
import { checkPolicy } from '../refresh/policy.ts'
import type { ClientResolver, GrantsOptions, Obtain } from './options.ts'

type Named = Record<string, OAuth2Client>

/** The clients of `Grants`. */
export class Clients {
  readonly #source: Named | ClientResolver
  readonly #obtain: Obtain<Named>
  readonly #clock: Clock | undefined
  readonly #logger: Logger | undefined
  readonly #emitter: Emitter
  readonly #healths = new ClientHealths()

  /** @throws ConfigError for `clients` of another kind, and for a policy that does not fit one of them */
  constructor(
    { clients, clock, obtain, policy = {} }: GrantsOptions<Named>,
    logger: Logger | undefined,
    emitter: Emitter,
  ) {
    if (typeof clients !== 'function' && (typeof clients !== 'object' || clients === null || Array.isArray(clients))) {
      throw new ConfigError(
        'Expected `clients` to be an object of OAuth2Clients by name, or a function that finds one.',
      )
    }
    if (typeof clients === 'object')
      for (const client of Object.values(clients)) checkPolicy(policy, coreOf(client).timeoutMs)
    checkPolicy(policy)
    this.#source = clients
    this.#obtain = obtain ?? {}
    this.#clock = clock
    this.#logger = logger
    this.#emitter = emitter
  }

  /** @throws ConfigError for a name that is certainly unknown */
  assertMaybeKnown(name: string): void {
    if (typeof this.#source !== 'function' && !Object.hasOwn(this.#source, name))
      throw unknown(name, Object.keys(this.#source))
  }

  /** The clients that are known without asking: none with a resolver. */
  get fixed(): ReadonlyMap<string, InternalClient> {
    const clients = typeof this.#source === 'function' ? {} : this.#source
    return new Map(Object.entries(clients).map(([name, client]) => [name, internalClientOf(client, name)]))
  }

  /** Whether a function of the application finds the clients. */
  get isResolved(): boolean {
    return typeof this.#source === 'function'
  }

  /** Whether a client's grants are refreshed without a refresh token. */
  isObtainable(name: string): boolean {
    return Object.hasOwn(this.#obtain, name)
  }

  /** @throws ConfigError for an unknown name */
  async find(name: string): Promise<InternalClient> {
    return internalClientOf(await this.#find(name), name)
  }

  /** The same, or undefined for an unknown name. */
  async maybeFind(name: string): Promise<InternalClient | undefined> {
    const client = await this.#maybeFind(name)
    return client && internalClientOf(client, name)
  }

  async #find(name: string): Promise<OAuth2Client> {
    const found = await this.#maybeFind(name)
    if (found !== undefined) return found
    throw unknown(name, typeof this.#source === 'function' ? undefined : Object.keys(this.#source))
  }

  async #maybeFind(name: string): Promise<OAuth2Client | undefined> {
    const source = this.#source
    if (typeof source !== 'function') return Object.hasOwn(source, name) ? source[name] : undefined
    return (await lookedUp(name, completeClock(this.#clock), async () => ({ client: await source(name) }))).client
  }

  /** Returns what refreshing a grant takes from its client. A grant of an unknown client can be deleted. */
  contextOf(key: GrantKey): Pick<RefreshContext, 'client' | 'clock' | 'logger' | 'obtainable'> {
    const source = this.#source
    const fixed = typeof source !== 'function' && Object.hasOwn(source, key.client) ? source[key.client] : undefined
    const core = fixed && coreOf(fixed)
    return {
      client:
        fixed === undefined ? async () => this.#useOf(key, await this.#find(key.client)) : this.#useOf(key, fixed),
      clock: this.#clock === undefined && core !== undefined ? core.clock : completeClock(this.#clock),
      logger: this.#logger ?? core?.logger,
      obtainable: this.isObtainable(key.client),
    }
  }

  #useOf(key: GrantKey, client: OAuth2Client): ClientUse {
    const name = key.client
    const core = internalClientOf(client, name)
    const obtain = Object.hasOwn(this.#obtain, name) ? this.#obtain[name] : undefined
    const health = this.#healths.of(name, () =>
      watchedHealth({
        name,
        clock: this.#clock === undefined ? core.clock : completeClock(this.#clock),
        logger: this.#logger ?? core.logger,
        emitter: this.#emitter,
      }),
    )
    return { core, health, obtain: obtain && (() => obtain(client, key)) }
  }
}

function unknown(name: string, names?: readonly string[]): ConfigError {
  return new ConfigError(
    `Unknown client '${name}'.${names === undefined ? '' : ` Configured clients: ${names.map((each) => `'${each}'`).join(', ') || 'none'}.`}`,
  )
}
