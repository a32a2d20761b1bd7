import { decodeKey, encodeKey, type GrantKey } from '../model/grant-key.ts'
import { askIdentity, type Identity, identityOf } from '../refresh/identity.ts'
import { SealedDocuments } from '../refresh/sealed-documents.ts'
import type { GrantRecord } from '../stores/store.ts'
import { type Call, keyBefore, subjectOf } from './attempt.ts'
import type { LoginsContext } from './context.ts'
import { alreadyUsed, type LoginResult, refused, wrongSubject } from './login.ts'
import { loginResultOf } from './login-result.ts'
import { CALLER_WAITS_MS, insist } from './unsaved-login.ts'

/** Single use is remembered longer than a pending login is accepted. */
export const ONCE_MS: number = 20 * 60_000
const LOOK_EVERY_MS = 250

/** Finds the grant of a login that another call completed, in this process or another one. */
export class RepeatedLogin {
  readonly #context: LoginsContext

  constructor(context: LoginsContext) {
    this.#context = context
  }

  /** Records which grant a login becomes, for calls in other processes that cannot know it. */
  async note(id: string, key: GrantKey): Promise<void> {
    // The login is valid without it.
    await this.#notes()
      ?.put(noteOf(id), encodeKey(key), { version: 0, ttlMs: ONCE_MS })
      .catch(() => undefined)
  }

  /** Waits until the grant that another process saves is stored. @throws CallbackError if it does not appear */
  async find(call: Call, id: string): Promise<GrantKey> {
    const { clock } = this.#context
    const notes = this.#notes()
    let key = keyBefore(call)
    if (key === undefined && notes === undefined) throw alreadyUsed()
    const giveUpAt = clock.monotonic() + CALLER_WAITS_MS
    for (;;) {
      key ??= await insist(clock, CALLER_WAITS_MS, async () => {
        const note = await notes?.get(noteOf(id))
        return note && decodeKey(note.value)
      })
      if (key !== undefined && (await this.#read(key))?.id === id) return key
      if (clock.monotonic() >= giveUpAt) throw alreadyUsed()
      await clock.delay(LOOK_EVERY_MS)
    }
  }

  /** Returns the current grant of a login, if the application still admits its user. `known`: the user, if known. */
  async result(call: Call, key: GrantKey, id: string, known: Identity | undefined): Promise<LoginResult> {
    const { clock, sealer } = this.#context
    const record = await this.#read(key)
    if (record?.id !== id) throw alreadyUsed()
    // What cannot be unsealed is unknown.
    const token = await sealer.open(record.key, record.id, record.sealed).catch(() => undefined)
    if (token === undefined) throw alreadyUsed()
    const asked = typeof call.options.subject === 'function'
    const identity = known ?? (asked ? await askIdentity(call.core, token).catch(() => undefined) : identityOf(token))
    if (asked && identity === undefined) throw alreadyUsed()
    const subject = await subjectOf(call.options, identity)
    if (subject === undefined) throw refused()
    if (subject !== key.subject) throw wrongSubject()
    const more = { identity, identityChanged: false, repeated: true }
    return loginResultOf(call.pending, { record, token, now: clock.now() }, more)
  }

  async #read(key: GrantKey): Promise<GrantRecord | undefined> {
    const { clock, store } = this.#context
    return (await insist(clock, CALLER_WAITS_MS, () => store.read(key))).record
  }

  #notes(): SealedDocuments | undefined {
    const { sealer, store } = this.#context
    return store.documents && new SealedDocuments(store.documents, sealer.keys)
  }
}

function noteOf(id: string): string {
  return `log-in:${id}`
}
