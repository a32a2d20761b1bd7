import { sameIssuer } from '../client/issuers.ts'
import { stopwatch, type Clock } from '../util/clock.ts'
import { StoreError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import { RECORD_SCHEMA, type CommitAnswer, type GrantRecord, type GrantStore, type NewGrant } from '../stores/store.ts'
import { makeToken, type Token } from '../model/token.ts'
import { contentOf } from './record-content.ts'
import { type Sealer } from './sealer.ts'
import { persistently } from './persistently.ts'
import type { ResolvedPolicy } from './policy.ts'
import { hashOf, randomId } from '../util/crypto.ts'
import type { StoreClock } from './store-clock.ts'

export interface Login {
  readonly key: GrantKey
  /** Id of the new grant. */
  readonly id: string
  readonly store: GrantStore
  readonly sealer: Sealer
  readonly clock: Required<Clock>
  readonly storeClock: StoreClock
  readonly policy: ResolvedPolicy
  readonly issuer: string
  /** Earlier issuers of the same provider. */
  readonly formerIssuers: readonly string[]
  readonly clientId: string
  readonly obtainable: boolean
  /** Time after the login at which the grant ends in any case, in ms. */
  readonly absoluteLifetimeMs: number | undefined
  /** Whether a stored token belongs to the same user as the new one. */
  readonly sameIdentity: (stored: Token) => boolean
}

/**
 * Stores the grant of a login. If the response has no refresh token and the stored grant is of the same user, the
 * stored refresh token is carried over (Google issues one only on the first consent). That needs the lease: a refresh
 * in progress must not leave the used token behind.
 * @throws StoreError if the store cannot be written
 */
export async function saveLogin(login: Login, answer: Token): Promise<GrantRecord> {
  const token = withEnd(answer, login.absoluteLifetimeMs)
  const { id } = login
  const toNow = login.storeClock.mover()
  const put = async (whole: Token, expect?: GrantRecord): Promise<CommitAnswer> => {
    // The clock may have been set back since the token arrived.
    const grant = await newGrant(login, id, toNow(whole))
    return persistently(login.clock, () =>
      login.store.put(login.key, grant, expect === undefined ? undefined : { id: expect.id, version: expect.version }),
    )
  }
  const done = ({ record }: CommitAnswer): GrantRecord => {
    if (record === undefined)
      throw new StoreError(
        "The store returned no record after a write, which breaks the store contract. Run storeContract() from 'evergrant/testing' on it.",
      )
    return record
  }
  if (token.refreshToken !== undefined || login.obtainable) {
    // The expiry is written in the store's time, which may have been set since this process last read it.
    await look(login)
    return done(await put(token))
  }

  const took = stopwatch(login.clock)
  for (;;) {
    const { record } = await look(login)
    const carried = record === undefined ? undefined : await carriedOver(login, record, token)
    if (record === undefined || carried === undefined) return done(await put(token))
    const waitMs = await claimFor(login, record, carried)
    if (waitMs === 0) {
      const answer = await put(carried, record)
      if (answer.record?.id === id) return done(answer)
    }
    // A login with a refresh token that may be used already is better than no login.
    if (took() + waitMs > login.policy.waitMs) return done(await put(carried))
    await login.clock.delay(Math.min(Math.max(waitMs, 20), 200))
  }
}

function look({ clock, key, store, storeClock }: Login): ReturnType<GrantStore['read']> {
  return persistently(clock, () => storeClock.ask(() => store.read(key)))
}

function withEnd(token: Token, absoluteLifetimeMs: number | undefined): Token {
  if (absoluteLifetimeMs === undefined || token.refreshToken === undefined || token.refreshTokenExpiresAt !== undefined)
    return token
  return makeToken({ ...token, refreshTokenExpiresAt: token.receivedAt + absoluteLifetimeMs })
}

async function carriedOver(login: Login, record: GrantRecord, token: Token): Promise<Token | undefined> {
  const { formerIssuers, issuer } = login
  const ours = record.clientId === login.clientId && sameIssuer(record.issuer, issuer, [issuer, ...formerIssuers])
  if (!ours || record.reason === 'identity_changed') return undefined
  let stored: Token | undefined
  try {
    stored = await login.sealer.open(record.key, record.id, record.sealed)
  } catch {
    // What cannot be unsealed cannot be carried over. The login counts anyway.
    return undefined
  }
  if (stored?.refreshToken === undefined || !login.sameIdentity(stored)) return undefined
  const { refreshToken, refreshTokenExpiresAt, idToken } = login.storeClock.tokenToLocal(stored)
  return makeToken({ ...token, refreshToken, refreshTokenExpiresAt, idToken: token.idToken ?? idToken })
}

/**
 * Claims the grant, so that no process redeems the refresh token that is carried over. Nothing is sent, so no back-off
 * forbids it. Returns how long to wait, 0 if it may be written.
 */
async function claimFor(login: Login, record: GrantRecord, carried: Token): Promise<number> {
  const { policy } = login
  const owner = randomId()
  const hash = await hashOf(carried.refreshToken ?? '')
  const { id, version } = record
  const { leaseMs, settleMs, repeatWithinMs } = policy
  const intent = { hash, sendWithinMs: 0 }
  const request = { id, version, owner, leaseMs, settleMs, repeatWithinMs, intent, force: true }
  const answer = await persistently(login.clock, () => login.store.claim(login.key, request))
  if (answer.outcome === 'claimed') return 0
  return answer.outcome === 'busy' ? answer.waitMs : 1
}

async function newGrant(login: Login, id: string, token: Token): Promise<NewGrant> {
  const stored = login.storeClock.tokenToStore(token)
  const sealed = await login.sealer.seal(login.key, id, stored)
  const { policy, obtainable, issuer, clientId } = login
  return {
    ...contentOf(stored, sealed, { policy, obtainable }),
    lastRefreshedAt: undefined,
    id,
    schema: RECORD_SCHEMA,
    issuer,
    clientId,
  }
}
