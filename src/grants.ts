import type { ClientCore } from './client/client-core.ts'
import { makePendingLogin } from './client/authorization.ts'
import { readClaims } from './client/id-token.ts'
import {
  coreOf,
  type AuthorizationOptions,
  type Callback,
  type OAuth2Client,
  type PendingLogin,
} from './client/oauth2-client.ts'
import { completeClock, type Clock } from './clock.ts'
import { CallbackError, ConfigError } from './errors.ts'
import { Emitter, type GrantEvents, type GrantListener } from './events.ts'
import { encodeKey, type GrantKey, indexableKey } from './grant-key.ts'
import { importToken } from './import-token.ts'
import { Keepers } from './keepers.ts'
import { redactingLogger, type Logger } from './logger.ts'
import { Secrets } from './redact.ts'
import type { Background } from './refresh/background.ts'
import { ClientHealth, ClientHealths } from './refresh/client-health.ts'
import { Sealer } from './refresh/envelope.ts'
import { guardedStore } from './refresh/guarded-store.ts'
import { keepFresh, type KeepFresh, type KeepFreshOptions } from './refresh/keep-fresh.ts'
import type { ClientUse } from './refresh/grant-client.ts'
import { Keeper } from './refresh/keeper.ts'
import { countGrants, listGrants, type ListOptions, readChanges } from './refresh/list-grants.ts'
import { persistently } from './refresh/persistently.ts'
import { checkPolicy, type RefreshPolicy } from './refresh/policy.ts'
import { randomId } from './refresh/random.ts'
import { resealAll } from './refresh/reseal.ts'
import { SealedDocuments } from './refresh/sealed-documents.ts'
import { statusOf, type GrantStatus, type ListedGrant } from './refresh/status.ts'
import { checkReturnTo } from './return-to.ts'
import type { KeyRing } from './seal/key-ring.ts'
import { OAuth2Session } from './session.ts'
import type { ChangesAnswer, ChangesRequest } from './stores/changes.ts'
import { memoryStore } from './stores/memory.ts'
import type { GrantCount, GrantStore, ListFilter } from './stores/store.ts'
import type { Token } from './token.ts'

/** Clients by name, as an object or as a look-up (where tenants bring their own). */
export type ClientResolver = (name: string) => OAuth2Client | undefined | Promise<OAuth2Client | undefined>

/** How grants without a refresh token are renewed, by client. */
export type Obtain<C> =
  C extends Record<string, OAuth2Client>
    ? { readonly [K in keyof C]?: (client: C[K], key: GrantKey) => Promise<Token> }
    : Readonly<Record<string, (client: OAuth2Client, key: GrantKey) => Promise<Token>>>

/** What `Grants` is made of. */
export interface GrantsOptions<C extends Record<string, OAuth2Client>> {
  /** The clients by name, or a resolver. */
  readonly clients: C | ClientResolver
  /** @default memoryStore() */
  readonly store?: GrantStore
  /** Sealing keys; required by every store that outlives the process. */
  readonly keys?: KeyRing
  /** How grants without a refresh token are renewed: e.g. `{ acme: (client) => client.clientCredentials() }`. */
  readonly obtain?: Obtain<C>
  readonly policy?: RefreshPolicy
  /** Where work goes that nobody waits for. @default 'detached' */
  readonly background?: Background
  /** Gets what happens, with every secret masked. */
  readonly logger?: Logger
  /** @default the machine's clock */
  readonly clock?: Clock
}

/** Which of several grants of one subject at one client. */
export interface AccountOption {
  /** Tells several grants of one subject at one client apart. @default '' */
  readonly account?: string
}

/** What one log-in may differ in. */
export interface ConnectOptions extends Omit<AuthorizationOptions, 'redirectUri'>, AccountOption {
  /** Where the user wants to go afterwards: a path of this site. */
  readonly returnTo?: string
}

/** Single use is remembered longer than a pending log-in is accepted. */
const ONCE_MS = 20 * 60_000

/** Many grants over one store, in any number of processes: each is refreshed once, wherever it is used. */
export class Grants<C extends Record<string, OAuth2Client> = Record<string, OAuth2Client>> {
  readonly #options: GrantsOptions<C>
  readonly #store: GrantStore
  readonly #sealer: Sealer
  readonly #policy: RefreshPolicy
  readonly #clock: Clock | undefined
  readonly #logger: Logger | undefined
  readonly #emitter = new Emitter()
  readonly #keepers = new Keepers()
  readonly #healths = new ClientHealths()
  readonly #workers = new Set<KeepFresh>()
  #closed = false

  /** @throws ConfigError */
  constructor(options: GrantsOptions<C>) {
    const { clients, keys, policy = {} } = options
    if (typeof clients !== 'function' && (typeof clients !== 'object' || clients === null)) {
      throw new ConfigError(
        'Expected `clients` to be an object of OAuth2Clients by name, or a function that finds one.',
      )
    }
    const store = options.store ?? memoryStore(options.clock === undefined ? {} : { clock: options.clock })
    if (store.volatile !== true && keys === undefined) {
      throw new ConfigError(
        'A store that outlives the process needs sealing keys: pass `keys: keyRing(process.env.EVERGRANT_KEYS)`, with a key made by generateKey().',
      )
    }
    if (typeof clients === 'object')
      for (const client of Object.values(clients)) checkPolicy(policy, coreOf(client).timeoutMs)
    checkPolicy(policy)
    this.#options = options
    this.#store = guardedStore(store, completeClock(options.clock))
    this.#policy = policy
    this.#clock = options.clock
    this.#sealer = new Sealer(keys)
    this.#logger = options.logger === undefined ? undefined : redactingLogger(options.logger, new Secrets())
  }

  /**
   * Begins a log-in. Redirect the user to `url`, and keep the whole in the user's own web session (or a sealed cookie) for `complete()`.
   * @throws ConfigError for an unknown client or a `returnTo` that leaves the site
   */
  async connect(client: keyof C & string, subject: string, options: ConnectOptions = {}): Promise<PendingLogin> {
    const { account = '', returnTo, ...request } = options
    const key = keyOf(client, subject, account)
    if (returnTo !== undefined) checkReturnTo(returnTo)
    const pending = await (await this.#client(client)).authorizationRequest(request)
    return makePendingLogin({ ...pending, ...key, ...(returnTo !== undefined && { returnTo }) })
  }

  /**
   * Ends a log-in: turns the callback into a token and stores the grant. Each pending log-in is used once.
   * @throws CallbackError, AuthorizationError when the user declined, and what `OAuth2Client.exchangeCode` throws
   */
  async complete(
    callback: Callback,
    pending: PendingLogin,
    options: { readonly subject: string },
  ): Promise<{ session: OAuth2Session; returnTo?: string }> {
    const { client, account = '', subject, returnTo } = pending
    if (client === undefined || subject === undefined) {
      throw new ConfigError(
        'Expected the pending log-in that grants.connect() made: this one names no client or subject.',
      )
    }
    if (subject !== options.subject) {
      throw new CallbackError('wrong_subject', 'This log-in was begun by another user of the application.')
    }
    const core = coreOf(await this.#client(client))
    const by = randomId()
    const token = await core.exchangeCode(callback, pending, async () => {
      const isFirst = await persistently(completeClock(this.#clock), () => this.#store.once(pending.id, ONCE_MS, by))
      if (!isFirst) {
        throw new CallbackError('already_used', 'This log-in was finished already.')
      }
    })
    const session = await this.#save(keyOf(client, subject, account), core, token)
    return returnTo === undefined ? { session } : { session, returnTo: checkReturnTo(returnTo) }
  }

  /** The session of one grant; all sessions of one key share one state. Whether there is such a grant shows when it is used. */
  session(client: keyof C & string, subject: string, options?: AccountOption): OAuth2Session
  session(status: GrantStatus): OAuth2Session
  session(
    clientOrStatus: (keyof C & string) | GrantStatus,
    subject?: string,
    options: AccountOption = {},
  ): OAuth2Session {
    const key =
      typeof clientOrStatus === 'object'
        ? keyOf(clientOrStatus.client, clientOrStatus.subject, clientOrStatus.account)
        : keyOf(clientOrStatus, subject, options.account)
    return this.#sessionOf(key)
  }

  #sessionOf(key: GrantKey): OAuth2Session {
    // Where all clients are known, an unknown one is a mistake that shows now.
    this.#clientNow(key.client)
    return new OAuth2Session(this.#keeper(key), { policy: this.#policy })
  }

  /** Stores a token that was had elsewhere, as after a log-in: anything that `importToken` accepts. */
  async save(
    client: keyof C & string,
    subject: string,
    token: Token | object,
    options: AccountOption = {},
  ): Promise<OAuth2Session> {
    const key = keyOf(client, subject, options.account)
    const core = coreOf(await this.#client(client))
    const now = this.#clock?.now()
    const read = importToken(token, { provider: core.provider, ...(now !== undefined && { now }) })
    return this.#save(key, core, read)
  }

  async #save(key: GrantKey, core: ClientCore, token: Token): Promise<OAuth2Session> {
    const keeper = this.#keeper(key)
    await keeper.replace(core, token, (stored) => sameIdentity(stored, token, key))
    return new OAuth2Session(keeper, { policy: this.#policy })
  }

  /** What is known of a grant; undefined when there is none. Never a secret. */
  async status(
    client: keyof C & string,
    subject: string,
    options: AccountOption = {},
  ): Promise<GrantStatus | undefined> {
    const { record, now } = await this.#store.read(keyOf(client, subject, options.account))
    return record === undefined ? undefined : statusOf(record, now)
  }

  /**
   * Lists the grants that fit, in the order of their keys: by client, subject and account. Each has a `cursor` to go on from.
   * @throws ConfigError for a cursor or limit that is none; UnreadableRecordError at the end, when some records could not be read
   */
  list(options: ListOptions = {}): AsyncGenerator<ListedGrant, void, undefined> {
    return listGrants(this.#store, options)
  }

  /** Counts grants by client and state. */
  counts(filter: { readonly client?: string | undefined } = {}): Promise<readonly GrantCount[]> {
    return countGrants(this.#store, filter)
  }

  /**
   * Reads the change feed: grants that were connected or disconnected, and grants that need their user. It is written with the grant, so a
   * process that stops loses none. Store `next` after the changes are processed: then each is seen at least once.
   * @throws ConfigError for a store without a feed
   */
  changes(request: ChangesRequest = {}): Promise<ChangesAnswer> {
    return readChanges(this.#store, request)
  }

  /**
   * Small texts by name, next to the grants: sealed with their keys.
   * @throws ConfigError for a store without documents
   */
  get documents(): SealedDocuments {
    const { documents } = this.#store
    if (documents === undefined)
      throw new ConfigError('This store has no documents. Make it with storeOver() of evergrant/store.')
    return new SealedDocuments(documents, this.#options.keys)
  }

  /** Ends a grant: deleted here at once; its revocation at the provider is retried in the background. */
  async disconnect(client: keyof C & string, subject: string, options: AccountOption = {}): Promise<void> {
    await this.#keeper(keyOf(client, subject, options.account)).disconnect()
  }

  /** Ends everything of one person. Answers how many grants there were. */
  async disconnectSubject(subject: string): Promise<number> {
    let count = 0
    for await (const record of this.#store.list({ subject })) {
      if (await this.#keeper(record.key).disconnect()) count += 1
    }
    return count
  }

  /** Gives dead grants one more try, after a bad deployment or a provider's incident. Answers how many live again. */
  async recheck(filter: Omit<ListFilter, 'state'> = {}): Promise<number> {
    let count = 0
    for await (const record of this.#store.list({ ...filter, state: 'reauthorization_required' })) {
      try {
        if (await this.#keeper(record.key).recheck()) count += 1
      } catch (error) {
        // One that can't be tried now must not keep the others from it.
        this.#logger?.warn('evergrant: a dead grant could not be rechecked', { ...record.key, error })
      }
    }
    return count
  }

  /**
   * Seals every grant and document with the ring's first key that is sealed with another. Safe while they are used, in several processes
   * at once, and again after a crash: what is done is skipped. Resolves to how many were resealed. A document's version grows by 1.
   * @throws SealError at the end, when something could not be opened: everything else is resealed then
   */
  reseal(): Promise<{ resealed: number }> {
    const documents = this.#store.documents === undefined ? undefined : this.documents
    return resealAll({ store: this.#store, sealer: this.#sealer, documents, logger: this.#logger })
  }

  /** Starts a worker that renews grants as they become due, also those that nobody uses. Any number of processes may run one. */
  keepFresh(options: KeepFreshOptions = {}): KeepFresh {
    if (this.#closed) throw new ConfigError('These grants were closed: make new ones.')
    const worker = keepFresh(
      {
        store: this.#store,
        clock: completeClock(this.#clock),
        logger: this.#logger,
        keeperOf: async ({ key }) => this.#keeper(key, { passing: true }),
      },
      options,
    )
    this.#workers.add(worker)
    void worker.done.then(() => this.#workers.delete(worker))
    return worker
  }

  /** Listens to the events of all grants in this process. Answers how to stop. */
  on<K extends keyof GrantEvents>(event: K, listener: GrantListener<K>): () => void {
    return this.#emitter.on(event, listener)
  }

  /** Waits for refreshes that are under way and for tokens that are not saved yet, then closes the store. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#workers].map((worker) => worker.stop()))
    await Promise.all(this.#keepers.all().map((keeper) => keeper.close()))
    await this.#store.close()
  }

  #clientNow(name: string): OAuth2Client | undefined {
    const { clients } = this.#options
    if (typeof clients === 'function') return undefined
    const client = Object.hasOwn(clients, name) ? clients[name] : undefined
    if (client === undefined) throw unknownClient(name, Object.keys(clients))
    return client
  }

  async #client(name: string): Promise<OAuth2Client> {
    const { clients } = this.#options
    const client = typeof clients === 'function' ? await clients(name) : this.#clientNow(name)
    if (client === undefined) throw unknownClient(name)
    return client
  }

  #keeper(key: GrantKey, options: { readonly passing?: boolean } = {}): Keeper {
    const name = encodeKey(key)
    const known = this.#keepers.get(name)
    if (known !== undefined) return known
    if (this.#closed) throw new ConfigError('These grants were closed: make new ones.')
    const { clients, obtain } = this.#options
    const fixed = typeof clients === 'function' || !Object.hasOwn(clients, key.client) ? undefined : clients[key.client]
    const clock = this.#clock === undefined && fixed !== undefined ? coreOf(fixed).clock : completeClock(this.#clock)
    const keeper = new Keeper({
      key,
      client:
        fixed === undefined ? async () => this.#useOf(key, await this.#client(key.client)) : this.#useOf(key, fixed),
      clock,
      store: this.#store,
      sealer: this.#sealer,
      policy: this.#policy,
      background: this.#options.background ?? 'detached',
      emitter: this.#emitter,
      logger: this.#logger ?? (fixed === undefined ? undefined : coreOf(fixed).logger),
      obtainable: obtain !== undefined && Object.hasOwn(obtain, key.client),
      alone: false,
    })
    this.#keepers.add(name, keeper, options)
    return keeper
  }

  #useOf(key: GrantKey, client: OAuth2Client): ClientUse {
    const core = coreOf(client)
    return { core, health: this.#healthOf(key.client, core), obtain: this.#obtainOf(key, client) }
  }

  #obtainOf(key: GrantKey, client: OAuth2Client): (() => Promise<Token>) | undefined {
    const all = this.#options.obtain as
      | Readonly<Record<string, (client: OAuth2Client, key: GrantKey) => Promise<Token>>>
      | undefined
    const obtain = all !== undefined && Object.hasOwn(all, key.client) ? all[key.client] : undefined
    return obtain === undefined ? undefined : () => obtain(client, key)
  }

  #healthOf(name: string, core: ClientCore): ClientHealth {
    return this.#healths.of(name, () => {
      const clock = this.#clock === undefined ? core.clock : completeClock(this.#clock)
      const logger = this.#logger ?? core.logger
      return new ClientHealth(clock, (error) => {
        logger?.error(
          'evergrant: the client registration seems broken; no grant is marked dead until a refresh succeeds',
          { client: name, error },
        )
        this.#emitter.emit('client_suspect', { client: name, at: clock.now(), error })
      })
    })
  }
}

function keyOf(client: string, subject: string | undefined, account = ''): GrantKey {
  for (const [name, value] of Object.entries({ client, subject, account })) {
    if (typeof value !== 'string')
      throw new ConfigError(`Expected ${name} to be a string, got ${value === null ? 'null' : typeof value}.`)
  }
  const key = Object.freeze({ client, subject: subject ?? '', account })
  // Before a login is begun that no store could keep.
  indexableKey(key)
  return key
}

function unknownClient(name: string, known?: readonly string[]): ConfigError {
  return new ConfigError(
    `There is no client '${name}'${known === undefined ? '' : `: \`clients\` has ${known.map((each) => `'${each}'`).join(', ') || 'none'}`}.`,
  )
}

/** Whether two tokens are of one user: by their ID tokens' subject, else by the account that the caller names. */
function sameIdentity(stored: Token, token: Token, key: GrantKey): boolean {
  const [before, after] = [readClaims(stored.idToken), readClaims(token.idToken)]
  if (before === undefined || after === undefined) return key.account !== ''
  return before['sub'] !== undefined && before['iss'] === after['iss'] && before['sub'] === after['sub']
}
