import { toBase64Url } from '../util/base64.ts'
import type { InternalClient } from '../client/internal-client.ts'
import { knownForms } from '../client/issuers.ts'
import type { Clock } from '../util/clock.ts'
import { decodeKey, encodeKey, type GrantKey } from '../model/grant-key.ts'
import { SealError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { GrantStore } from '../stores/store.ts'
import { randomId } from '../util/crypto.ts'
import { type Identity, identityOf } from './identity.ts'
import type { Sealer } from './sealer.ts'
import type { SealedDocuments } from './sealed-documents.ts'

/** Name of the document with the secret that hashes the names of the others. */
const SECRET = 'identity-key'
/** A grant is listed before it is saved: during this time it counts without a record. */
const BEING_SAVED_MS = 15 * 60_000
/** Maximum number of listed grants of one user. Beyond it, there are always others. */
const MOST = 300

type Person = Pick<Identity, 'issuer' | 'sub'>
type Entry = readonly [key: string, at: number]

/** What finding the grants of a user requires. */
export interface PeopleContext {
  readonly core: Pick<InternalClient, 'formerIssuers' | 'issuer' | 'sameIssuer'>
  readonly store: GrantStore
  readonly sealer: Sealer
  readonly documents: SealedDocuments
  readonly clock: Required<Clock>
  readonly logger?: Logger | undefined
}

/**
 * Which grants belong to which user of a provider. If a revocation ends all of them, none may be revoked while another
 * is used.
 */
export class People {
  readonly #context: PeopleContext

  constructor(context: PeopleContext) {
    this.#context = context
  }

  /**
   * Lists a grant before it is saved. If the list can no longer be unsealed there is none; then nothing of this user is
   * revoked.
   */
  async add(person: Person, key: GrantKey): Promise<void> {
    try {
      await this.#add(person, key)
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      this.#context.logger?.warn(
        'evergrant: the user of this grant could not be recorded, because the documents are sealed with a key that is lost. Delete the documents identity-key and identity:*',
        { ...key },
      )
    }
  }

  async #add(person: Person, key: GrantKey): Promise<void> {
    const [name] = await this.#namesOf(person)
    const text = encodeKey(key)
    const now = this.#context.clock.now()
    await this.#change(name, (entries) => [...entries.filter(([each]) => each !== text), [text, now]])
  }

  /**
   * Removes a deleted grant from the list. Returns whether no other grant of this user exists, under any of the
   * issuer's names.
   */
  async leave(person: Person, key: GrantKey): Promise<boolean> {
    let isLast = true
    for (const name of await this.#namesOf(person)) isLast = (await this.#leave(name, person, key)) && isLast
    return isLast
  }

  async #leave(name: string, person: Person, key: GrantKey): Promise<boolean> {
    const own = encodeKey(key)
    const gone = new Set([own])
    const entries = entriesOf((await this.#context.documents.get(name))?.value)
    // A truncated list says nothing about the grants that it lacks.
    if (entries.length > MOST) return false
    let isLast = true
    for (const entry of entries.filter(([each]) => each !== own)) {
      if (!(await this.#isThere(entry, person))) gone.add(entry[0])
      else {
        isLast = false
        break
      }
    }
    await this.#change(name, (all) => all.filter(([each]) => !gone.has(each)))
    return isLast
  }

  async #isThere([text, at]: Entry, person: Person): Promise<boolean> {
    const { clock, core, sealer, store } = this.#context
    const key = decodeKey(text)
    if (key === undefined) return false
    const { record } = await store.read(key)
    if (record === undefined) return Math.abs(clock.now() - at) < BEING_SAVED_MS
    // A grant that cannot be unsealed, or names no user, may be this user's.
    const token = await sealer.open(record.key, record.id, record.sealed).catch(() => undefined)
    const identity = token && identityOf(token)
    return identity === undefined || (identity.sub === person.sub && core.sameIssuer(identity.issuer, person.issuer))
  }

  async #change(name: string, change: (entries: readonly Entry[]) => readonly Entry[]): Promise<void> {
    const { documents } = this.#context
    let document = await documents.get(name)
    for (;;) {
      const entries = change(entriesOf(document?.value))
      if (document === undefined && entries.length === 0) return
      const value = JSON.stringify(entries.slice(-MOST - 1))
      const answer = await documents.put(name, value, { version: document?.version ?? 0 })
      if (answer.put) return
      document = answer.document
    }
  }

  /** A keyed hash: someone who reads the store cannot test who is in it. */
  async #namesOf({ issuer, sub }: Person): Promise<readonly [string, ...string[]]> {
    const { core, documents } = this.#context
    const known = await documents.get(SECRET)
    const { document } =
      known === undefined ? await documents.put(SECRET, newSecret(), { version: 0 }) : { document: known }
    const secret = new TextEncoder().encode(document?.value ?? '')
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
    const nameOf = async (form: string): Promise<string> => {
      const hash = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(JSON.stringify([form, sub])))
      return `identity:${toBase64Url(new Uint8Array(hash))}`
    }
    const [first, ...others] = knownForms(issuer, [await core.issuer(), ...core.formerIssuers])
    return [await nameOf(first), ...(await Promise.all(others.map(nameOf)))]
  }
}

function newSecret(): string {
  return `${randomId()}${randomId()}`
}

function entriesOf(text: string | undefined): readonly Entry[] {
  return text === undefined ? [] : (JSON.parse(text) as readonly Entry[])
}
