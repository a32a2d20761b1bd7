import { generateKey, keyRing } from 'evergrant/seal'

import type { Vault } from './vault.ts'

/** One ring with one key; each grant has a context, and so a derived key, of its own. */
export function evergrantVault(): Vault {
  const ring = keyRing(`bench:${generateKey()}`)
  const contextOf = (grant: number): string => JSON.stringify(['acme', `user-${grant}`, '', `log-in-${grant}`])
  return {
    seal: (text, grant) => ring.seal(text, contextOf(grant)),
    open: (sealed, grant) => ring.open(sealed, contextOf(grant)),
  }
}
