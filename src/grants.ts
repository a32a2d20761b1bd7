import type { InternalClient } from './client/internal-client.ts'
import type { KeptLogin } from './client/flows/authorization-request.ts'
import type { Callback, OAuth2Client, PendingLogin } from './client/oauth2-client.ts'
import { completeClock, type Clock } from './util/clock.ts'
import { within } from './util/async.ts'
import { Closing } from './util/closing.ts'
import { lazy } from './util/lazy.ts'
import { brand } from './util/other-copy.ts'
import { ConfigError } from './model/errors.ts'
import { Emitter, type GrantEvents, type GrantListener } from './model/events.ts'
import { checkedKey } from './model/check-key.ts'
import { encodeKey, type GrantKey } from './model/grant-key.ts'
import type { AccountOption, CompletedLogin, ConnectOptions, GrantsOptions } from './grants/options.ts'
import { importToken } from './model/import-token.ts'
import { LiveGrants } from './refresh/live-grants.ts'
import { makeObservable } from './model/observable.ts'
import { Observers } from './model/observer.ts'
import { redactingLogger, type Logger } from './model/logger.ts'
import { Secrets } from './util/redact.ts'
import { Clients } from './grants/clients.ts'
import { type GrantsInternals, readInternalsBy } from './grants/internals.ts'
import type { DisconnectOptions } from './refresh/disconnecting.ts'
import { Sealer } from './refresh/sealer.ts'
import { guardedKeys } from './refresh/guarded-keys.ts'
import { guardedStore } from './refresh/guarded-store.ts'
import { sameIdentity } from './refresh/identity.ts'
import { keepFresh, type KeepFresh, type KeepFreshOptions } from './refresh/worker.ts'
import { LiveGrant } from './refresh/live-grant.ts'
import { loadReplacing } from './refresh/load-replacing.ts'
import type { ListOptions } from './grants/list-grants.ts'
import type { CompleteOptions, UnsolicitedOptions } from './login/login.ts'
import type { Logins } from './login/logins.ts'
import type { RefreshPolicy } from './refresh/policy.ts'
import { SealedDocuments } from './refresh/sealed-documents.ts'
import { statusOf, type GrantStatus, type ListedGrant } from './refresh/status.ts'
import { checkReturnTo } from './client/flows/return-to.ts'
import type { KeyRing } from './seal/key-ring.ts'
import { checkedKeys, lazyKeys } from './seal/lazy-keys.ts'
import { OAuth2Session } from './session.ts'
import type { ChangesAnswer, ChangesRequest } from './stores/changes.ts'
import { memoryStore } from './stores/memory.ts'
import type { GrantCount, GrantStore, ListFilter } from './stores/store.ts'
import type { Token } from './model/token.ts'

export type {
  AccountOption,
  ClientResolver,
  CompletedLogin,
  ConnectOptions,
  GrantsOptions,
  Obtain,
} from './grants/options.ts'

const loadOperations = lazy(() => import('./grants/operations.ts'))
/** With all that storing the token takes: nothing has to be loaded once a code was sent. */
const loadLogins = lazy(async () => {
  const [logins] = await Promise.all([import('./login/logins.ts'), loadReplacing()])
  return logins
})

/** How long `close()` waits for logins and deletions in progress. The application's own functions may hang in them. */
const RUNNING_MS = 30_000

/** Many grants over one store, in any number of processes. Each is refreshed once for all of them. */
export class Grants<C extends Record<string, OAuth2Client> = Record<string, OAuth2Client>> {
  readonly #options: GrantsOptions<C>
  readonly #store: GrantStore
  readonly #sealer: Sealer
  readonly #policy: RefreshPolicy
  readonly #clock: Clock | undefined
  readonly #logger: Logger | undefined
  readonly #emitter = new Emitter()
  readonly #observers: Observers
  readonly #liveGrants = new LiveGrants()
  readonly #clients: Clients
  readonly #workers = new Set<KeepFresh>()
  /** Logins and deletions in progress: an interrupted one could lose a token, or leave one valid at its provider. */
  readonly #running = new Closing()
  readonly #keys: KeyRing | undefined
  #logins: Logins | undefined
  /** After `closing`, only logins and deletions in progress go on. */
  #state: 'open' | 'closing' | 'closed' = 'open'

  static {
    brand(Grants, 'Grants')
    readInternalsBy((grants) =>
      typeof grants === 'object' && grants !== null && #clients in grants ? grants.#internals() : undefined,
    )
  }

  constructor(options: GrantsOptions<C>) {
    const { keys, policy = {} } = options
    this.#logger = options.logger === undefined ? undefined : redactingLogger(options.logger, new Secrets())
    this.#clients = new Clients(options, this.#logger, this.#emitter)
    const store = options.store ?? memoryStore(options.clock === undefined ? {} : { clock: options.clock })
    if (store.volatile !== true && keys === undefined) {
      throw new ConfigError(
        'A store that outlives the process needs encryption keys. Pass `keys: keyRing(process.env.EVERGRANT_KEYS)`, with a key made by generateKey().',
      )
    }
    this.#options = options
    this.#store = guardedStore(store, completeClock(options.clock))
    this.#policy = policy
    this.#clock = options.clock
    const ring = typeof keys === 'function' ? lazyKeys(keys) : keys && checkedKeys(keys)
    this.#keys = ring && guardedKeys(ring, completeClock(options.clock))
    this.#sealer = new Sealer(this.#keys)
    this.#observers = new Observers(completeClock(options.clock))
    makeObservable(this, {
      observers: this.#observers,
      stored: {
        counts: () => this.counts(),
        oldestDueMs: async () => (await loadOperations()).oldestDueMs(this.#store),
      },
    })
  }

  /**
   * Starts a login. Redirect the user to `url`, and keep the whole object in the user's own web session (or a sealed
   * cookie) for `complete()`. Without `subject`, the login itself shows who the user is: see `complete()`.
   * @throws ConfigError for an unknown client, or a `returnTo` that leaves the site
   */
  async connect(client: keyof C & string, subject?: string, options: ConnectOptions = {}): Promise<PendingLogin> {
    this.#assertOpen()
    const { account, returnTo, ...request } = options
    const key = checkedKey(client, subject ?? '', account)
    if (returnTo !== undefined) checkReturnTo(returnTo)
    const pending = await (await this.#clients.find(client)).authorizationRequest(request)
    return Object.freeze({
      ...pending,
      client,
      ...(subject !== undefined && { subject }),
      account: key.account,
      ...(returnTo !== undefined && { returnTo }),
    })
  }

  /**
   * Completes a login: exchanges the code and stores the grant. A pending login is single-use, in all processes
   * together. Another call with it waits for the first one and returns the same, with `repeated: true`. A failing store
   * loses nothing after the exchange: repeat the call to get the saved login.
   * @throws CallbackError if the callback cannot be trusted, with `already_used` if this login was tried before and
   * failed
   * @throws AuthorizationError if the user declined
   * @throws StoreError if the grant cannot be saved yet; what `OAuth2Client.exchangeCode` throws
   */
  async complete(callback: Callback, pending: KeptLogin, options: CompleteOptions): Promise<CompletedLogin>
  /**
   * Completes an installation that the provider started, without a state: for clients whose provider has `unsolicited:
   * true`. Nothing shows whose browser sent the callback: a user lured to one connects a stranger's account.
   * @throws ConfigError if the provider's data does not allow it
   */
  async complete(callback: Callback, pending: undefined, options: UnsolicitedOptions): Promise<CompletedLogin>
  async complete(
    callback: Callback,
    pending: KeptLogin | undefined,
    options: CompleteOptions | UnsolicitedOptions,
  ): Promise<CompletedLogin> {
    this.#assertOpen()
    const begunElsewhere = pending === undefined && 'unsolicited' in options && options.unsolicited
    return this.#running.run(async () => {
      const logins = await this.#loggingIn()
      const result = begunElsewhere
        ? await logins.completeUnsolicited(callback, options)
        : await logins.complete(callback, pending as KeptLogin, options)
      return { session: this.#sessionOf(result.key), ...result }
    })
  }

  async #loggingIn(): Promise<Logins> {
    const { Logins } = await loadLogins()
    return (this.#logins ??= new Logins({
      store: this.#store,
      sealer: this.#sealer,
      clock: completeClock(this.#clock),
      background: this.#options.background ?? 'detached',
      emitter: this.#emitter,
      observers: this.#observers,
      logger: this.#logger,
      coreOf: (name) => this.#clients.find(name),
      liveGrantOf: (key) => this.#liveGrant(key),
    }))
  }

  /**
   * Returns the session of one grant. All sessions of one key share one state. A missing grant shows when the session
   * is used.
   */
  session(client: keyof C & string, subject: string, options?: AccountOption): OAuth2Session
  session(status: GrantStatus): OAuth2Session
  session(
    clientOrStatus: (keyof C & string) | GrantStatus,
    subject?: string,
    options: AccountOption = {},
  ): OAuth2Session {
    const key =
      typeof clientOrStatus === 'object'
        ? checkedKey(clientOrStatus.client, clientOrStatus.subject, clientOrStatus.account)
        : checkedKey(clientOrStatus, subject, options.account)
    return this.#sessionOf(key)
  }

  #sessionOf(key: GrantKey): OAuth2Session {
    // If all clients are known, an unknown one is reported here.
    this.#clients.assertMaybeKnown(key.client)
    return new OAuth2Session(this.#liveGrant(key), { policy: this.#policy })
  }

  /** Stores a token obtained elsewhere, as a login would. Accepts everything that `importToken` accepts. */
  async save(
    client: keyof C & string,
    subject: string,
    token: Token | object,
    options: AccountOption = {},
  ): Promise<OAuth2Session> {
    const key = checkedKey(client, subject, options.account)
    const core = await this.#clients.find(client)
    const now = this.#clock?.now()
    const read = importToken(token, { provider: core.provider, ...(now !== undefined && { now }) })
    return this.#save(key, core, read)
  }

  async #save(key: GrantKey, core: InternalClient, token: Token): Promise<OAuth2Session> {
    const liveGrant = this.#liveGrant(key)
    await liveGrant.replace(core, token, (stored) => sameIdentity(stored, token, key, core))
    return new OAuth2Session(liveGrant, { policy: this.#policy })
  }

  /** Returns what is known of a grant, never a secret. Resolves to undefined if there is none. */
  async status(
    client: keyof C & string,
    subject: string,
    options: AccountOption = {},
  ): Promise<GrantStatus | undefined> {
    const { record, now } = await this.#store.read(checkedKey(client, subject, options.account))
    return record === undefined ? undefined : statusOf(record, now)
  }

  /**
   * Lists the matching grants in the order of their keys: by client, subject and account. Each has a `cursor` to
   * continue from.
   * @throws ConfigError for an invalid cursor or limit; UnreadableRecordError at the end if some records could not be
   * read
   */
  async *list(options: ListOptions = {}): AsyncGenerator<ListedGrant, void, undefined> {
    yield* (await loadOperations()).listGrants(this.#store, options)
  }

  /** Counts grants by client and state. */
  async counts(filter: { readonly client?: string | undefined } = {}): Promise<readonly GrantCount[]> {
    return (await loadOperations()).countGrants(this.#store, filter)
  }

  /**
   * Reads the change feed: grants that were connected or disconnected, and grants that need their user. It is written
   * with the grant, so a process that crashes loses no change. Store `next` after processing the changes: then each is
   * seen at least once.
   * @throws ConfigError for a store without a feed
   */
  async changes(request: ChangesRequest = {}): Promise<ChangesAnswer> {
    return (await loadOperations()).readChanges(this.#store, request)
  }

  /**
   * Small texts by name, next to the grants, sealed with their keys.
   * @throws ConfigError for a store without documents
   */
  get documents(): SealedDocuments {
    const { documents } = this.#store
    if (documents === undefined)
      throw new ConfigError('This store has no documents. Make it with storeOver() of evergrant/store.')
    return new SealedDocuments(documents, this.#keys)
  }

  /**
   * Disconnects a grant. It is deleted here at once; its revocation at the provider is retried in the background. A
   * grant whose client is no longer known is deleted and not revoked.
   * @throws StoreError if it could not be deleted; ConfigError for an unknown client without a grant
   */
  async disconnect(
    client: keyof C & string,
    subject: string,
    options: AccountOption & DisconnectOptions = {},
  ): Promise<void> {
    const key = checkedKey(client, subject, options.account)
    // An unknown client without a grant is a mistake. An existing grant is deleted without its client too.
    if (!(await this.#disconnect(key, options))) this.#clients.assertMaybeKnown(client)
  }

  /**
   * Disconnects all grants of one subject, one after the other. Resolves to the number of grants.
   * @throws UnfinishedError at the end if some could not be disconnected; StoreError if nothing can be listed
   */
  async disconnectSubject(subject: string, options: DisconnectOptions = {}): Promise<number> {
    this.#assertOpen()
    if (typeof subject !== 'string') throw new ConfigError('Expected subject of disconnectSubject() to be a string.')
    const end = (key: GrantKey): Promise<boolean> => this.#disconnect(key, options)
    const { disconnectAll } = await loadOperations()
    return disconnectAll({ store: this.#store, logger: this.#logger }, subject, end)
  }

  /**
   * Tries ended grants again, after a bad deployment or an incident at the provider. Resolves to the number of
   * grants that are active again.
   * @throws UnfinishedError at the end if some could not be tried; StoreError if nothing can be listed
   */
  async recheck(filter: Omit<ListFilter, 'state'> = {}): Promise<number> {
    this.#assertOpen()
    const { recheckAll } = await loadOperations()
    return recheckAll({ store: this.#store, logger: this.#logger }, filter, (key) => this.#liveGrant(key))
  }

  /**
   * Reseals every grant and document that is not sealed with the ring's first key. Safe while they are used, in several
   * processes at once, and again after a crash: what is done is skipped. Resolves to the number of resealed ones. A
   * document's version is incremented.
   * @throws UnfinishedError at the end if something could not be resealed; StoreError if nothing can be listed
   */
  async reseal(): Promise<{ resealed: number }> {
    this.#assertOpen()
    const documents = this.#store.documents === undefined ? undefined : this.documents
    const { resealAll } = await loadOperations()
    return resealAll({ store: this.#store, sealer: this.#sealer, documents, logger: this.#logger })
  }

  /** Starts a worker that refreshes grants as they become due, also idle ones. Any number of processes may run one. */
  keepFresh(options: KeepFreshOptions = {}): KeepFresh {
    this.#assertOpen()
    const worker = keepFresh(
      {
        store: this.#store,
        clock: completeClock(this.#clock),
        logger: this.#logger,
        liveGrantOf: ({ key }) => this.#liveGrant(key, { passing: true }),
      },
      options,
    )
    this.#workers.add(worker)
    void worker.done.then(() => this.#workers.delete(worker))
    return worker
  }

  /** Adds a listener for the events of all grants in this process. Returns a function that removes it. */
  on<K extends keyof GrantEvents>(event: K, listener: GrantListener<K>): () => void {
    return this.#emitter.on(event, listener)
  }

  /** Waits for refreshes in progress and unsaved tokens, then closes the store. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing'
    await Promise.all([...this.#workers].map((worker) => worker.stop()))
    await within(this.#running.idle(), completeClock(this.#clock), RUNNING_MS)
    this.#state = 'closed'
    await this.#logins?.close()
    const closed = await Promise.allSettled(this.#liveGrants.all().map((liveGrant) => liveGrant.close()))
    await this.#store.close()
    for (const each of closed) if (each.status === 'rejected') throw each.reason
  }

  #internals(): GrantsInternals {
    return { keys: this.#keys, clock: completeClock(this.#clock), logger: this.#logger, clients: this.#clients }
  }

  #disconnect(key: GrantKey, options: DisconnectOptions): Promise<boolean> {
    return this.#running.run(() => this.#liveGrant(key).disconnect(options))
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw closed()
  }

  #liveGrant(key: GrantKey, options: { readonly passing?: boolean } = {}): LiveGrant {
    const name = encodeKey(key)
    const known = this.#liveGrants.get(name)
    if (known !== undefined) return known
    if (this.#state === 'closed') throw closed()
    const liveGrant = new LiveGrant({
      ...this.#clients.contextOf(key),
      key,
      store: this.#store,
      sealer: this.#sealer,
      policy: this.#policy,
      background: this.#options.background ?? 'detached',
      emitter: this.#emitter,
      observers: this.#observers,
      alone: false,
    })
    this.#liveGrants.add(name, liveGrant, options)
    return liveGrant
  }
}

function closed(): ConfigError {
  return new ConfigError('These grants were closed. Create new ones.')
}
