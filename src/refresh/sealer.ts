import { ConfigError, SealError } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import { makeToken, type Token, type TokenFields } from '../model/token.ts'

const ENVELOPE_VERSION = 1

/** The sealed content of a grant's record. Without a token: the place of a grant that was not obtained yet. */
interface Envelope {
  readonly v: number
  readonly token?: TokenFields
}

/**
 * Seals and unseals the envelopes of grants. Without a key ring, for stores that end with the process, it leaves them
 * clear.
 */
export class Sealer {
  readonly keys: KeyRing | undefined

  constructor(keys: KeyRing | undefined) {
    this.keys = keys
  }

  /** Does everything that can fail in advance, so that little remains once a response has arrived. */
  async prepare(key: GrantKey, id: string): Promise<(token: Token | undefined) => Promise<string>> {
    const keys = this.keys
    if (keys === undefined) return (token) => Promise.resolve(envelopeOf(token))
    const context = contextOf(key, id)
    if (keys.prepare !== undefined) {
      const seal = await keys.prepare(context)
      return (token) => seal(envelopeOf(token))
    }
    // A key service that cannot seal shows it now, before a refresh token is spent.
    await keys.seal(envelopeOf(undefined), context)
    return (token) => keys.seal(envelopeOf(token), context)
  }

  async seal(key: GrantKey, id: string, token: Token | undefined): Promise<string> {
    return this.keys === undefined ? envelopeOf(token) : this.keys.seal(envelopeOf(token), contextOf(key, id))
  }

  /** Whether it was sealed with another key than the current first one. */
  isOutdated(sealed: string): boolean {
    if (this.keys?.currentKeyId === undefined || this.keys.keyIdOf === undefined) return false
    return this.keys.keyIdOf(sealed) !== this.keys.currentKeyId
  }

  /** Unseals a token. @throws SealError if the key is wrong or missing, or the record was changed or moved */
  async open(key: GrantKey, id: string, sealed: string): Promise<Token | undefined> {
    const text = this.keys === undefined ? sealed : await this.keys.open(sealed, contextOf(key, id))
    let envelope: Envelope
    try {
      envelope = JSON.parse(text) as Envelope
    } catch {
      throw new SealError(
        '',
        'A stored token is not in a form that this library wrote. Check that the store is used with the keys it was written with.',
      )
    }
    if (envelope.v !== ENVELOPE_VERSION) {
      throw new ConfigError(
        `A stored token was written by a newer release (envelope ${String(envelope.v)}). It was left unchanged; upgrade this process.`,
      )
    }
    return envelope.token === undefined ? undefined : makeToken(envelope.token)
  }
}

function envelopeOf(token: Token | undefined): string {
  const envelope: Envelope = token === undefined ? { v: ENVELOPE_VERSION } : { v: ENVELOPE_VERSION, token }
  return JSON.stringify(envelope)
}

/** The context that a sealed token is bound to: moved to another grant's record, it cannot be unsealed. */
function contextOf(key: GrantKey, id: string): string {
  return JSON.stringify([key.client, key.subject, key.account, id])
}
