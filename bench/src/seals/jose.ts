import { compactDecrypt, CompactEncrypt } from 'jose'

import type { Vault } from './vault.ts'

/** The same form of envelope, under one key for all grants. */
export async function joseVault(): Promise<Vault> {
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  return {
    seal: (text) =>
      new CompactEncrypt(encoder.encode(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'bench' })
        .encrypt(key),
    open: async (sealed) => decoder.decode((await compactDecrypt(sealed, key)).plaintext),
  }
}
