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
  /** Where a grant is refreshed without a refresh token: asks for a new token. */
  readonly obtain: (() => Promise<Token>) | undefined
}

/** A grant's client, or how to look it up where tenants bring their own. */
export type ClientSource = ClientUse | (() => Promise<ClientUse>)

/** A look-up that takes longer has failed. */
const LOOK_UP_MS = 10_000

/** What a look-up of a client answers. @throws what it rejects with; ProviderUnavailableError when it hangs */
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

/** What is remembered of a client that is looked up: neither its secrets nor anything that holds on to it. */
interface Facts {
  readonly clientId: string
  readonly issuer: string | undefined
  readonly formerIssuers: readonly string[]
  readonly policy: ResolvedPolicy
  readonly handOut: readonly string[] | undefined
}

/** The client of one grant. One that is looked up is asked for anew at each use, and held no longer than it is used. */
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

  /** The client as it was seen last, while something else holds it: enough for what needs none of its secrets. */
  get lately(): InternalClient | undefined {
    return typeof this.#source === 'function' ? this.#last?.deref() : this.#source.core
  }

  /** The members of answers that callers get beside the token. */
  get handOut(): readonly string[] | undefined {
    return this.#facts?.handOut
  }

  /** The client as it is now. @throws what the look-up rejects with; ProviderUnavailableError when it hangs */
  async use(): Promise<ClientUse> {
    const source = this.#source
    if (typeof source !== 'function') return source
    return this.#learn(await lookedUp(this.#name, this.#clock, source))
  }

  /** The policy for this client's provider: known once a record was admitted or the client was used. */
  get policy(): ResolvedPolicy {
    if (this.#facts === undefined) throw new TypeError('Nothing is known of the client yet.')
    return this.#facts.policy
  }

  /** Checks that a record's tokens are this client's, as it is now. @throws ConfigError; the grant is left alone */
  async admit(record: GrantRecord): Promise<void> {
    if (typeof this.#source !== 'function') return this.#assertOrigin(record)
    if (this.#facts === undefined) await this.use()
    try {
      this.#assertOrigin(record)
    } catch {
      // The registration was changed since: what is remembered counts no longer.
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
