import type { Library } from './library.ts'

/** The same form of envelope as Evergrant's, under one key for all grants. */
export const jose: Library = {
  name: 'jose',
  calls: { seal: 'jose alone: dir, A256GCM, one key (control)' },
  load: async () => ({
    vault: async () => {
      const { compactDecrypt, CompactEncrypt } = await import('jose')
      const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
      const [encoder, decoder] = [new TextEncoder(), new TextDecoder()]
      const header = { alg: 'dir', enc: 'A256GCM', kid: 'bench' }
      return {
        seal: (text) => new CompactEncrypt(encoder.encode(text)).setProtectedHeader(header).encrypt(key),
        open: async (sealed) => decoder.decode((await compactDecrypt(sealed, key)).plaintext),
      }
    },
  }),
}
