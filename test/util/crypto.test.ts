import { afterEach, expect, test, vi } from 'vitest'

import { hashOf, randomId } from '../../src/util/crypto.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

test('a hash is the first 72 bits of SHA-256, with each kind of cryptography', async () => {
  // FIPS 180-2, appendix B.1: ba7816bf 8f01cfea 41…
  const expected = Buffer.from('ba7816bf8f01cfea41', 'hex').toString('base64url')
  expect(await hashOf('abc')).toBe(expected)
  vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })
  expect(await hashOf('abc')).toBe(expected)
})

test('ids are 128 bits, and always different', () => {
  const ids = Array.from({ length: 1_000 }, randomId)
  expect(new Set(ids).size).toBe(1_000)
  for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
})
