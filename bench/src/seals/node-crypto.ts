import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

import type { Vault } from './vault.ts'

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12

/** No envelope, one key, nothing asynchronous inside. */
export function nodeCryptoVault(): Vault {
  const key = randomBytes(32)
  return {
    seal: async (text) => {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv(ALGORITHM, key, iv)
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return [iv, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url')).join('.')
    },
    open: async (text) => {
      const [iv, sealed, tag] = text.split('.').map((part) => Buffer.from(part, 'base64url'))
      if (iv === undefined || sealed === undefined || tag === undefined) throw new Error('Expected three parts.')
      const decipher = createDecipheriv(ALGORITHM, key, iv).setAuthTag(tag)
      return decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8')
    },
  }
}
