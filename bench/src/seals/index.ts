import type { Vault } from './vault.ts'

/** What seals texts, loaded only where it is measured. */
export const VAULTS = {
  evergrant: async (): Promise<Vault> => (await import('./evergrant.ts')).evergrantVault(),
  jose: async (): Promise<Vault> => (await import('./jose.ts')).joseVault(),
  'node-crypto': async (): Promise<Vault> => (await import('./node-crypto.ts')).nodeCryptoVault(),
} as const

export type VaultName = keyof typeof VAULTS
