import type { InternalClient } from '../client/internal-client.ts'
import type { Clock } from '../util/clock.ts'
import { ProviderUnavailableError } from '../model/errors.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { Token } from '../model/token.ts'
import { within } from '../util/async.ts'
import type { ClientHealth } from './client-health.ts'
import { assertOrigin } from './origin.ts'
import { resolvePolicy, type RefreshPolicy, type ResolvedPolicy } from './policy.ts'

/** What one use of a grant takes from its client. */
export interface ClientUse {
  readonly core: InternalClient
  readonly health: ClientHealth
  /** Requests a new token, if the grant is refreshed without a refresh token. */
  readonly obtain: (() => Promise<Token>) | undefined
}

/** A grant's client, or a function that finds it if tenants have their own. */
export type ClientSource = ClientUse | (() => Promise<ClientUse>)

/** Time after which a lookup has failed. */
const LOOK_UP_MS = 10_000

/** Returns the result of a client lookup. @throws its rejection; ProviderUnavailableError if it hangs */
export async function lookedUp<T extends object>(
  name: string,
  clock: Required<Clock>,
  lookUp: () => Promise<T>,
): Promise<T> {
  const found = await within(lookUp(), clock, LOOK_UP_MS)
  if (found !== undefined) return found
  throw new ProviderUnavailableError(
    `Looking up client '${name}' took longer than ${LOOK_UP_MS} ms. Nothing was sent; try again, and check the function that was passed as \`clients\`.`,
    { maybeProcessed: false },
  )
}

/** What is remembered of a client that is looked up: neither its secrets nor anything that refers to it. */
interface Facts {
  readonly clientId: string
  readonly issuer: string | undefined
  readonly formerIssuers: readonly string[]
  readonly policy: ResolvedPolicy
  readonly handOut: readonly string[] | undefined
}

/** The client of one grant. If it is looked up, each use looks it up again, and it is kept only during the use. */
export class GrantClient {
  readonly #name: string
  readonly #source: ClientSource
  readonly #own: RefreshPolicy
  readonly #clock: Required<Clock>
  #facts: Facts | undefined
  #last: WeakRef<InternalClient> | undefined

  constructor(name: string, source: ClientSource, policy: RefreshPolicy, clock: Required<Clock>) {
    this.#name = name
    this.#source = source
    this.#own = policy
    this.#clock = clock
    if (typeof source !== 'function') this.#learn(source)
  }

  /** The client as last seen, while something else refers to it. Sufficient for what needs none of its secrets. */
  get lately(): InternalClient | undefined {
    return typeof this.#source === 'function' ? this.#last?.deref() : this.#source.core
  }

  /** Members of responses that callers get in addition to the token. */
  get handOut(): readonly string[] | undefined {
    return this.#facts?.handOut
  }

  /** Returns the current client. @throws the lookup's rejection; ProviderUnavailableError if it hangs */
  async use(): Promise<ClientUse> {
    const source = this.#source
    if (typeof source !== 'function') return source
    return this.#learn(await lookedUp(this.#name, this.#clock, source))
  }

  /** The policy for this client's provider. Known once a record was admitted or the client was used. */
  get policy(): ResolvedPolicy {
    if (this.#facts === undefined) throw new TypeError('The client is not known yet. Use it or admit a record first.')
    return this.#facts.policy
  }

  /** Checks that a record's tokens belong to the current client. @throws ConfigError; the grant is left unchanged */
  async admit(record: GrantRecord): Promise<void> {
    if (typeof this.#source !== 'function') return this.#assertOrigin(record)
    if (this.#facts === undefined) await this.use()
    try {
      this.#assertOrigin(record)
    } catch {
      // The registration has changed: the remembered facts are outdated.
      await this.use()
      this.#assertOrigin(record)
    }
  }

  #assertOrigin(record: GrantRecord): void {
    const source = this.#source
    if (typeof source !== 'function') {
      const { clientId, formerIssuers, knownIssuer } = source.core
      assertOrigin(record, clientId, knownIssuer, formerIssuers)
    } else if (this.#facts !== undefined) {
      const { clientId, formerIssuers, issuer } = this.#facts
      assertOrigin(record, clientId, issuer, formerIssuers)
    }
  }

  #learn(use: ClientUse): ClientUse {
    if (this.#last?.deref() !== use.core) this.#last = new WeakRef(use.core)
    this.#facts = this.#factsOf(use)
    return use
  }

  #factsOf({ core, obtain }: ClientUse): Facts {
    return {
      clientId: core.clientId,
      issuer: core.knownIssuer,
      formerIssuers: core.formerIssuers,
      handOut: core.provider.handOut,
      policy: resolvePolicy(this.#own, core.provider.refresh ?? {}, core.timeoutMs, obtain === undefined),
    }
  }
}
