import { compare, type Comparison, type ComparisonSize, type Prepare } from '../harness/slots.ts'
import { VAULTS, type VaultName } from '../seals/index.ts'
import { realisticRecord } from '../seals/record.ts'
import type { Vault } from '../seals/vault.ts'

export interface SealOrder {
  readonly base: VaultName
  readonly own: VaultName
  /** How many grants there are, which calls take in turns. */
  readonly grants: number
  readonly size: ComparisonSize
}

export interface SealAnswer {
  readonly seal: Comparison
  readonly open: Comparison
}

/** Sealing and opening beside that of a baseline, in one process. */
export async function task({ base, grants, own, size }: SealOrder): Promise<SealAnswer> {
  const [baseCalls, ownCalls] = [
    await prepared(await VAULTS[base](), grants),
    await prepared(await VAULTS[own](), grants),
  ]
  return {
    seal: await compare(baseCalls.seal, ownCalls.seal, size),
    open: await compare(baseCalls.open, ownCalls.open, size),
  }
}

async function prepared(vault: Vault, grants: number): Promise<{ readonly seal: Prepare; readonly open: Prepare }> {
  const texts = Array.from({ length: grants }, realisticRecord)
  const sealed: string[] = []
  for (const [grant, text] of texts.entries()) sealed.push(await vault.seal(text, grant))
  // The grants go on from slot to slot, so that a key is met again only after those of all other grants.
  const inTurn = (texts: readonly string[], call: (text: string, grant: number) => Promise<string>): Prepare => {
    let next = 0
    return () => () => {
      const grant = next % grants
      next += 1
      return call(texts[grant] ?? '', grant)
    }
  }
  return { seal: inTurn(texts, vault.seal), open: inTurn(sealed, vault.open) }
}
