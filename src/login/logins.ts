import type { Callback } from '../client/flows/callback-input.ts'
import { LOGIN_LIFETIME_MS } from '../client/flows/callback.ts'
import type { KeptLogin } from '../client/flows/authorization-request.ts'
import { loadOauth4webapi } from '../client/oauth4webapi.ts'
import type { InternalClient } from '../client/internal-client.ts'
import { CallbackError, ConfigError, ProviderUnavailableError } from '../model/errors.ts'
import { checkedKey } from '../model/check-key.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { ObserveRequest } from '../model/observer.ts'
import type { Token } from '../model/token.ts'
import { askIdentity, type Identity, identityOf, sameIdentity } from '../refresh/identity.ts'
import { within, deferred } from '../util/async.ts'
import { randomId } from '../util/crypto.ts'
import { ExpiringMap } from '../util/expiring-map.ts'
import { type Attempt, type Begun, type Call, isTaken, keyBefore, subjectOf } from './attempt.ts'
import type { LoginsContext } from './context.ts'
import {
  alreadyUsed,
  checkCompleteOptions,
  type CompleteOptions,
  grantIdOf,
  type LoginResult,
  refused,
  type UnsolicitedOptions,
  wrongSubject,
} from './login.ts'
import { loginResultOf } from './login-result.ts'
import { ONCE_MS, RepeatedLogin } from './repeated-login.ts'
import { CALLER_WAITS_MS, insist, type SavedLogin, type Saving, UnsavedLogin } from './unsaved-login.ts'

/** How long a further callback waits for the first one. */
const JOIN_MS = 30_000

/** Stops the exchange before anything is sent: this call is not the first one of its login. */
const NOT_THE_FIRST = Symbol('not the first')
const ELSEWHERE = Symbol('used in another process')

/** Completes logins: each code is sent once, and no token that was issued for it is lost. */
export class Logins {
  readonly #context: LoginsContext
  readonly #repeated: RepeatedLogin
  readonly #attempts = new ExpiringMap<string, Attempt>()
  readonly #unsaved = new Set<UnsavedLogin>()

  constructor(context: LoginsContext) {
    this.#context = context
    this.#repeated = new RepeatedLogin(context)
  }

  async complete(callback: Callback, pending: KeptLogin, options: CompleteOptions): Promise<LoginResult> {
    checkCompleteOptions(options)
    if (pending?.client === undefined) {
      throw new ConfigError(
        `Expected pending to be the object that grants.connect() returned, got ${describe(pending)}. Keep all of it in the web session until the callback.`,
      )
    }
    if (typeof options.subject === 'string' && pending.subject !== undefined && options.subject !== pending.subject)
      throw wrongSubject()
    const core = await this.#context.coreOf(pending.client)
    const id = await grantIdOf(pending)
    const call = { pending, options, core }
    const first = deferred()
    const own: { attempt?: Attempt; sent?: boolean } = {}
    try {
      const beforeSend = async (): Promise<void> => {
        await this.#assertIdentifiable(call)
        const attempt = this.#attemptOf(id)
        own.attempt = attempt
        if (isTaken(attempt)) throw marker(NOT_THE_FIRST)
        attempt.work = first.promise
        const isFirst = await insist(this.#context.clock, CALLER_WAITS_MS, () =>
          this.#context.store.once(pending.id, ONCE_MS, attempt.by),
        )
        if (!isFirst) throw marker(ELSEWHERE)
        own.sent = true
      }
      const observeRequest = this.#observing(pending)
      const token = await core.exchangeCode(callback, pending, { beforeSend, observeRequest })
      const attempt = own.attempt ?? this.#attemptOf(id)
      attempt.unsaved = this.#unsavedOf(call, attempt, token)
      return await this.#finish(call, attempt)
    } catch (error) {
      const { attempt } = own
      if (attempt === undefined) throw error
      if (isMarker(error, NOT_THE_FIRST)) return await this.#join(call, attempt)
      if (isMarker(error, ELSEWHERE)) return await this.#elsewhere(call, attempt)
      attempt.error = error
      if (own.sent === true && attempt.unsaved?.isOver !== false) attempt.isFailed = true
      throw error
    } finally {
      if (own.attempt?.work === first.promise) {
        own.attempt.work = undefined
        first.resolve()
      }
    }
  }

  /**
   * The same for a login that the provider started. Only the provider, which accepts a code once, prevents a repeat,
   * and nothing shows whose browser sent it.
   */
  async completeUnsolicited(callback: Callback, options: UnsolicitedOptions): Promise<LoginResult> {
    checkCompleteOptions(options)
    const { client } = options
    const pending: Begun = { client, createdAt: this.#context.clock.now() }
    const core = await this.#context.coreOf(client)
    const call = { pending, options, core }
    const token = await core.exchangeUnsolicited(callback, {
      beforeSend: () => this.#assertIdentifiable(call),
      observeRequest: this.#observing(pending),
    })
    const attempt: Attempt = { id: randomId(), by: '' }
    attempt.unsaved = this.#unsavedOf(call, attempt, token)
    return this.#finish(call, attempt)
  }

  /** Waits for logins that are being saved, and gives up those that cannot be saved. */
  async close(): Promise<void> {
    await Promise.all([...this.#unsaved].map((each) => each.close()))
  }

  /** Sends observed token requests. The subject of a login may be known only later. */
  #observing({ client = '', subject = '', account = '' }: Begun): ObserveRequest | undefined {
    return this.#context.observers.ofRequests({ client, subject, account })
  }

  #attemptOf(id: string): Attempt {
    const now = this.#context.clock.now()
    const known = this.#attempts.get(id, now)
    if (known !== undefined) return known
    const attempt: Attempt = { id, by: randomId() }
    this.#attempts.set(id, attempt, now + ONCE_MS, now)
    return attempt
  }

  /** @throws ConfigError if the subject depends on the identity and the provider sends none */
  async #assertIdentifiable({ core, options, pending }: Call): Promise<void> {
    if (typeof options.subject !== 'function' && typeof options.account !== 'function') return
    if (pending.nonce !== undefined || pending.scope?.includes('openid') === true) return
    if (await core.hasUserInfo()) {
      // What checks the user info must not fail to load once the code was sent.
      await loadOauth4webapi()
      return
    }
    throw new ConfigError(
      `Client '${core.name}' receives no identity. Request scope 'openid', or give its server a userinfo_endpoint; or pass \`subject\` and \`account\` as strings.`,
    )
  }

  #unsavedOf(call: Call, attempt: Attempt, token: Token): UnsavedLogin {
    const { background, clock, logger } = this.#context
    const { core, pending } = call
    const save: Saving['save'] = async (key) => {
      if (keyBefore(call) === undefined) await this.#repeated.note(attempt.id, key)
      const saved = await this.#save(key, core, token, attempt.id)
      attempt.done = { key, identity: unsaved.identity }
      attempt.unsaved = undefined
      this.#unsaved.delete(unsaved)
      this.#tell(saved, token)
      return saved
    }
    const endsAt = pending.createdAt + LOGIN_LIFETIME_MS
    const unsaved = new UnsavedLogin({ background, clock, logger, save }, core, token, endsAt)
    this.#unsaved.add(unsaved)
    return unsaved
  }

  async #save(key: GrantKey, core: InternalClient, token: Token, id: string): Promise<SavedLogin> {
    const identityChanged = await this.#changesIdentity(key, core, token, id)
    const same = (stored: Token): boolean => sameIdentity(stored, token, key, core)
    const record = await this.#context.liveGrantOf(key).replace(core, token, same, id)
    // It was saved before, and another login came later.
    if (record.id !== id) throw alreadyUsed()
    return { record, identityChanged }
  }

  /** Whether another user's grant is replaced. */
  async #changesIdentity(key: GrantKey, core: InternalClient, token: Token, id: string): Promise<boolean> {
    const after = identityOf(token)
    if (after === undefined) return false
    const { record } = await this.#context.store.read(key)
    if (record === undefined || record.id === id) return false
    // What cannot be unsealed is unknown.
    const before = await this.#context.sealer.open(key, record.id, record.sealed).catch(() => undefined)
    const known = before && identityOf(before)
    return known !== undefined && (known.sub !== after.sub || !core.sameIssuer(known.issuer, after.issuer))
  }

  /** Continues with the token: finds out whose it is, and saves it. */
  async #finish(call: Call, attempt: Attempt): Promise<LoginResult> {
    const { unsaved } = attempt
    if (unsaved === undefined) throw alreadyUsed()
    const { core, token } = unsaved
    const { account, subject } = call.options
    unsaved.identity ??=
      typeof subject === 'function' || typeof account === 'function'
        ? await askIdentity(core, token)
        : identityOf(token)
    const key = await this.#keyOf(call, unsaved.identity, unsaved.key).catch((error: unknown) => {
      if (error instanceof CallbackError) {
        // Not revoked: at some providers that would end everything of this user at the client.
        unsaved.drop()
        this.#unsaved.delete(unsaved)
        attempt.unsaved = undefined
        attempt.isFailed = true
        attempt.error = error
      }
      throw error
    })
    const saved = await unsaved.save(key)
    const more = { identity: unsaved.identity, identityChanged: saved.identityChanged, repeated: false }
    return loginResultOf(call.pending, { record: saved.record, token, now: this.#context.clock.now() }, more)
  }

  #tell({ record, identityChanged }: SavedLogin, token: Token): void {
    const { clock, emitter, logger } = this.#context
    const { key, renewable, scope } = record
    emitter.emit('connected', {
      key,
      at: clock.now(),
      ...(scope !== undefined && { scope }),
      renewable,
      ...(identityChanged && { identityChanged }),
    })
    if (renewable || token.expiresAt === undefined) return
    logger?.warn(
      'evergrant: the login returned no refresh token, so the grant ends with its access token. Ask for offline access: scope offline_access, or own parameters of the provider (Google: access_type=offline and prompt=consent)',
      { ...key },
    )
  }

  async #keyOf(call: Call, identity: Identity | undefined, decided: GrantKey | undefined): Promise<GrantKey> {
    const { options, pending } = call
    const subject = await subjectOf(options, identity)
    if (subject === undefined) throw refused()
    if (subject === '' && typeof options.subject === 'function')
      throw new ConfigError("Expected `subject` to return a user id, got ''. Return undefined to refuse the login.")
    if (subject !== (decided?.subject ?? pending.subject ?? subject)) throw wrongSubject()
    if (decided !== undefined) return decided
    const account =
      typeof options.account === 'function' ? identity && (await options.account(identity)) : options.account
    return checkedKey(pending.client ?? '', subject, account ?? pending.account)
  }

  /** Handles a further call for a login that this process knows: it waits for the first one, and sends nothing. */
  async #join(call: Call, attempt: Attempt): Promise<LoginResult> {
    if (attempt.work !== undefined) {
      const ended = attempt.work.then(() => true)
      if ((await within(ended, this.#context.clock, JOIN_MS)) === undefined)
        throw new ProviderUnavailableError(
          'The first callback of this login is still in progress, at the provider or in the `subject` function. Try again.',
          { maybeProcessed: true },
        )
    }
    const { done, error, isFailed, unsaved } = attempt
    if (done !== undefined) return this.#repeated.result(call, done.key, attempt.id, done.identity)
    if (unsaved?.isOver === false) return this.#finish(call, attempt)
    throw isFailed === true ? alreadyUsed(error) : error
  }

  /** Another process used the login, or this one before a restart: the grant shows whether it succeeded. */
  async #elsewhere(call: Call, attempt: Attempt): Promise<LoginResult> {
    try {
      const key = await this.#repeated.find(call, attempt.id)
      const result = await this.#repeated.result(call, key, attempt.id, undefined)
      attempt.done = { key, identity: result.identity }
      return result
    } catch (error) {
      attempt.error = error
      throw error
    }
  }
}

/** A callback check that ends is thrown through the client. An error, so that it is passed on unchanged. */
function marker(kind: symbol): Error {
  return Object.assign(new Error('This login was completed elsewhere.'), { kind })
}

function isMarker(error: unknown, kind: symbol): boolean {
  return error instanceof Error && (error as { kind?: unknown }).kind === kind
}

function describe(pending: unknown): string {
  if (pending === null) return 'null'
  return typeof pending === 'object' ? 'one without a client' : typeof pending
}
