import { compactDecrypt } from 'jose/jwe/compact/decrypt'
import { CompactEncrypt } from 'jose/jwe/compact/encrypt'

import { sha256 } from '../util/crypto.ts'
import { KEY_PURPOSE, type Cipher } from './cipher.ts'
import { ALGORITHM, ENCRYPTION, headerFor } from './header.ts'

const text = new TextEncoder()

/** Runs on every platform with Web Crypto. Its keys cannot be exported. */
export const webCipher: Cipher = {
  importKey: async (bytes) => {
    const ringKey = await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveKey'])
    return async (keyId, context) => {
      const hashing = sha256(context)
      const key = await crypto.subtle.deriveKey(
        { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: text.encode(KEY_PURPOSE + context) },
        ringKey,
        { name: 'AES-GCM', length: 256 },
        false,
        ['encrypt', 'decrypt'],
      )
      const contextHash = await hashing
      return {
        contextHash,
        seal: (plaintext) =>
          new CompactEncrypt(text.encode(plaintext))
            .setProtectedHeader({ ...headerFor(keyId, contextHash) })
            .encrypt(key),
        open: async (sealed) => {
          const { plaintext } = await compactDecrypt(sealed, key, {
            keyManagementAlgorithms: [ALGORITHM],
            contentEncryptionAlgorithms: [ENCRYPTION],
          })
          return new TextDecoder('utf-8', { fatal: true }).decode(plaintext)
        },
      }
    }
  },
}
