import type { NodeCrypto } from '../util/node-crypto.ts'
import { sha256 } from '../util/crypto.ts'
import { KEY_PURPOSE, type Cipher } from './cipher.ts'
import { headerFor } from './header.ts'

const AES_GCM = 'aes-256-gcm'
const HASH_BYTES = 32
const TAG = { authTagLength: 16 } as const
const IV_BYTES = 12

/** Returns the same as `webCipher`, in a fraction of the time. */
export function nodeCipher(node: NodeCrypto): Cipher {
  return {
    importKey: async (bytes) => {
      // HKDF (RFC 5869) with its first half done once. One block of HMAC-SHA-256 is the whole key, so the second half
      // is one HMAC.
      const extracted = node.createHmac('sha256', Buffer.alloc(HASH_BYTES)).update(bytes).digest()
      const ringKey = node.createSecretKey(extracted)
      return async (keyId, context) => {
        const expanded = node.createHmac('sha256', ringKey).update(KEY_PURPOSE + context + '\u0001')
        // A key object: raw bytes would be converted to one for each text.
        const key = node.createSecretKey(expanded.digest())
        const contextHash = await sha256(context)
        const header = Buffer.from(JSON.stringify(headerFor(keyId, contextHash))).toString('base64url')
        const aad = Buffer.from(header)
        return {
          contextHash,
          seal: async (plaintext) => {
            const iv = node.randomFillSync(Buffer.allocUnsafe(IV_BYTES))
            const cipher = node.createCipheriv(AES_GCM, key, iv, TAG).setAAD(aad)
            const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
            const parts = [iv, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'))
            return [header, '', ...parts].join('.')
          },
          open: async (sealed) => {
            const [first = '', , iv = '', ciphertext = '', tag = ''] = sealed.split('.')
            const decipher = node
              .createDecipheriv(AES_GCM, key, Buffer.from(iv, 'base64url'), TAG)
              .setAAD(Buffer.from(first))
              .setAuthTag(Buffer.from(tag, 'base64url'))
            const plaintext = Buffer.concat([decipher.update(ciphertext, 'base64url'), decipher.final()])
            return new TextDecoder('utf-8', { fatal: true }).decode(plaintext)
          },
        }
      }
    },
  }
}
