import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

import type { Library } from './library.ts'

const ALGORITHM = 'aes-256-gcm'

/** No envelope, one key, nothing asynchronous inside. */
export const nodeCrypto: Library = {
  name: 'node:crypto',
  calls: { seal: 'node:crypto alone: AES-256-GCM, one key (reference)' },
  load: async () => ({
    vault: async () => {
      const key = randomBytes(32)
      return {
        seal: async (text) => {
          const iv = randomBytes(12)
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
    },
  }),
}
