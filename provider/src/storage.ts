import type { Adapter, AdapterPayload } from 'oidc-provider'
import { judgeReuse, type ReusePolicy } from './reuse-policy.ts'

interface Entry {
  readonly payload: AdapterPayload
  /** Epoch ms; `Infinity` when the entry does not expire. */
  readonly expiresAt: number
  /** Epoch ms of the first consumption. */
  consumedAt?: number
}

/**
 * One model's entries in unbounded maps. The adapter of oidc-provider keeps the last 1,000 entries only, and so
 * forgets grants that have not ended.
 */
export class MapAdapter implements Adapter {
  readonly #entries = new Map<string, Entry>()
  readonly #byGrant = new Map<string, Set<string>>()
  readonly #byUserCode = new Map<string, string>()
  readonly #byUid = new Map<string, string>()

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    this.#forgetExpired()
    this.#delete(id)
    this.#entries.set(id, {
      payload,
      expiresAt: expiresIn === undefined ? Infinity : Date.now() + expiresIn * 1000,
    })
    if (payload.grantId) this.#membersOf(payload.grantId).add(id)
    if (payload.userCode) this.#byUserCode.set(payload.userCode, id)
    if (payload.uid) this.#byUid.set(payload.uid, id)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#entries.get(id)?.payload
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const id = this.#byUserCode.get(userCode)
    return id === undefined ? undefined : this.find(id)
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const id = this.#byUid.get(uid)
    return id === undefined ? undefined : this.find(id)
  }

  async consume(id: string): Promise<void> {
    const entry = this.#entries.get(id)
    if (!entry) return
    entry.consumedAt ??= Date.now()
    entry.payload.consumed = Math.floor(entry.consumedAt / 1000)
  }

  async destroy(id: string): Promise<void> {
    this.#delete(id)
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const id of this.#byGrant.get(grantId) ?? []) this.#delete(id)
  }

  /** Milliseconds since the entry was first consumed, or undefined while it is not. */
  protected consumedFor(id: string): number | undefined {
    const consumedAt = this.#entries.get(id)?.consumedAt
    return consumedAt === undefined ? undefined : Date.now() - consumedAt
  }

  #membersOf(grantId: string): Set<string> {
    const members = this.#byGrant.get(grantId) ?? new Set<string>()
    this.#byGrant.set(grantId, members)
    return members
  }

  #delete(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.delete(id)
    const { grantId, userCode, uid } = entry.payload
    if (userCode && this.#byUserCode.get(userCode) === id) this.#byUserCode.delete(userCode)
    if (uid && this.#byUid.get(uid) === id) this.#byUid.delete(uid)
    if (!grantId) return
    const members = this.#byGrant.get(grantId)
    members?.delete(id)
    if (members?.size === 0) this.#byGrant.delete(grantId)
  }

  /** Entries of one model expire about in the order of their insertion, so that only the oldest must be checked. */
  #forgetExpired(): void {
    const now = Date.now()
    for (const [id, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return
      this.#delete(id)
    }
  }
}

/** Refresh tokens under the reuse policy. oidc-provider itself has only `'revoke'`. */
export class RefreshTokenAdapter extends MapAdapter {
  readonly #policy: ReusePolicy
  readonly #onRefusedReuse: () => void

  /** @param onRefusedReuse called if a redeemed token is hidden, because oidc-provider then sees no reuse */
  constructor(policy: ReusePolicy, onRefusedReuse: () => void) {
    super()
    this.#policy = policy
    this.#onRefusedReuse = onRefusedReuse
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const payload = await super.find(id)
    const elapsedMs = this.consumedFor(id)
    if (!payload || elapsedMs === undefined) return payload
    const verdict = judgeReuse(this.#policy, elapsedMs)
    if (verdict === 'accept') return { ...payload, consumed: undefined }
    if (verdict === 'revoke') return payload
    this.#onRefusedReuse()
    return undefined
  }
}
