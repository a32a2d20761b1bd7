import * as base64url from 'jose/base64url'
import { compactDecrypt } from 'jose/jwe/compact/decrypt'
import { CompactEncrypt } from 'jose/jwe/compact/encrypt'

import { ConfigError } from '../errors.ts'
import { KEY_PURPOSE, type Cipher, type RingKeys, type Sealing } from './cipher.ts'
import { ALGORITHM, ENCRYPTION, headerFor } from './header.ts'

/** How many derived keys are kept, as many as `Grants` keeps grants in memory: deriving one costs about as much as sealing one token. */
const KEPT = 10_000

const text = new TextEncoder()

/** Runs wherever Web Crypto is. Derived keys can't be taken out; the most recently used ones are kept. */
export function webCipher(ring: RingKeys): Cipher {
  const imported = new Map<string, Promise<CryptoKey>>()
  const kept = new Map<string, Promise<Sealing>>()

  const importKey = (keyId: string): Promise<CryptoKey> => {
    const found = imported.get(keyId)
    if (found !== undefined) return found
    const bytes = ring.get(keyId)
    if (bytes === undefined) throw new ConfigError(`The key ring has no key '${keyId}'.`)
    const key = crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveKey'])
    imported.set(keyId, key)
    key.catch(() => imported.delete(keyId))
    return key
  }

  const derive = async (keyId: string, context: string): Promise<Sealing> => {
    const hash = crypto.subtle.digest('SHA-256', text.encode(context))
    const key = crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: text.encode(KEY_PURPOSE + context) },
      await importKey(keyId),
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    )
    return sealingWith(keyId, await key, base64url.encode(new Uint8Array(await hash)))
  }

  return {
    prepare: (keyId, context) => {
      const name = `${keyId} ${context}`
      const found = kept.get(name)
      // Set again in either case: a Map's order is then that of the last use.
      if (found !== undefined) {
        kept.delete(name)
        kept.set(name, found)
        return found
      }
      const derived = derive(keyId, context)
      kept.set(name, derived)
      derived.catch(() => kept.delete(name))
      if (kept.size > KEPT) {
        const [oldest] = kept.keys()
        if (oldest !== undefined) kept.delete(oldest)
      }
      return derived
    },
  }
}

function sealingWith(keyId: string, key: CryptoKey, contextHash: string): Sealing {
  return {
    contextHash,
    seal: (plaintext) =>
      new CompactEncrypt(text.encode(plaintext)).setProtectedHeader({ ...headerFor(keyId, contextHash) }).encrypt(key),
    open: async (sealed) => {
      const { plaintext } = await compactDecrypt(sealed, key, {
        keyManagementAlgorithms: [ALGORITHM],
        contentEncryptionAlgorithms: [ENCRYPTION],
      })
      return new TextDecoder('utf-8', { fatal: true }).decode(plaintext)
    },
  }
}
