import { expect, test } from 'vitest'

import type { Comparison } from '../src/harness/slots.ts'
import { VAULTS, type VaultName } from '../src/seals/index.ts'
import { realisticRecord } from '../src/seals/record.ts'
import { sealAims } from '../src/tables/seal.ts'
import { task } from '../src/tasks/seal-task.ts'

const comparison = (perSecond: number): Comparison => ({
  perSecond,
  basePerSecond: 1,
  ratio: perSecond,
  addedCpuUs: 0,
  cpuUs: 1,
  baseCpuUs: 1,
})
const answer = (seal: number, open: number) => ({ seal: comparison(seal), open: comparison(open) })

test('the aims of sealing are missed by fewer than 15,000 seals or opens a second, and then say what jose does', () => {
  const aims = (seal: number, open: number) => sealAims('ring', [answer(seal, open)], [answer(16_000, 17_000)])
  expect(aims(15_000, 15_000).map(({ met }) => met)).toEqual([true, true])
  const [seal, open] = aims(15_000, 14_999)
  expect([seal?.met, open?.met]).toEqual([true, false])
  expect(open?.why).toContain('17,000')
  expect(seal).not.toHaveProperty('why')
})

test('what is sealed has the size of a Google token', () => {
  const text = realisticRecord()
  expect(text.length).toBeGreaterThan(1_400)
  expect(text.length).toBeLessThan(1_600)
  expect(realisticRecord()).not.toBe(text)
})

test.each(Object.keys(VAULTS) as VaultName[])('%s opens what it sealed, and nothing that was changed', async (name) => {
  const vault = await VAULTS[name]()
  const sealed = await vault.seal('a text é', 1)
  expect(await vault.open(sealed, 1)).toBe('a text é')
  const parts = sealed.split('.')
  const body = parts.length - 2
  parts[body] = `${parts[body]?.startsWith('A') ? 'B' : 'A'}${parts[body]?.slice(1)}`
  await expect(vault.open(parts.join('.'), 1)).rejects.toThrow()
})

test('more calls than grants take the grants in turn: another one would not open', async () => {
  const size = { calls: 5, concurrency: 2, pairs: 1 }
  const { open, seal } = await task({ base: 'jose', own: 'evergrant', grants: 3, size })
  expect(Math.min(open.perSecond, seal.perSecond)).toBeGreaterThan(0)
})
