import { expect, test } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import { checkPolicy, resolvePolicy, youngMs } from '../../src/refresh/policy.ts'
import type { ProviderRefresh } from '../../src/model/provider.ts'
import type { RefreshPolicy } from '../../src/refresh/policy.ts'

const resolve = (policy: RefreshPolicy = {}, provider: ProviderRefresh = {}, consuming = true) =>
  resolvePolicy(policy, provider, 10_000, consuming)
const token = (lifetimeMs: number) => ({ receivedAt: 1000, expiresAt: 1000 + lifetimeMs })

test.each([
  ['an hour', 3_600_000, { earlyMs: 300_000, spentMs: 10_000 }],
  ['a minute', 60_000, { earlyMs: 12_000, spentMs: 3000 }],
  ['ten minutes', 600_000, { earlyMs: 120_000, spentMs: 10_000 }],
  ['no time', 0, { earlyMs: 0, spentMs: 0 }],
])('the default margins of a token that lives %s are capped by its lifetime', (_name, lifetime, margins) => {
  expect(resolve().margins(token(lifetime))).toEqual(margins)
})

test('a token of unknown lifetime has no margins', () => {
  expect(resolve().margins({ receivedAt: 0 })).toEqual({ earlyMs: 0, spentMs: 0 })
})

test('explicit margins win over the provider’s data and are not capped; the data wins over defaults', () => {
  expect(
    resolve({ earlyMs: 50_000, spentMs: 40_000 }, { endsAccessToken: true, earliestMs: 1000 }).margins(token(60_000)),
  ).toEqual({
    earlyMs: 50_000,
    spentMs: 40_000,
  })
  expect(resolve({}, { endsAccessToken: true }).margins(token(3_600_000))).toEqual({ earlyMs: 0, spentMs: 10_000 })
  expect(resolve({}, { earliestMs: 30_000 }).margins(token(600_000))).toEqual({ earlyMs: 30_000, spentMs: 10_000 })
  expect(resolve({}, { earliestMs: 5000 }).margins(token(600_000))).toEqual({ earlyMs: 5000, spentMs: 5000 })
})

test('without data, lease and settle time are the timeout and five seconds, and a repeated refresh token is not harmless', () => {
  expect(resolve()).toMatchObject({
    timeoutMs: 10_000,
    leaseMs: 15_000,
    settleMs: 15_000,
    waitMs: 30_000,
    revalidateMs: 30_000,
    repeatWithinMs: 0,
    forgiving: false,
  })
})

test('where the provider does not rotate, or no token is used up, a repeat is always harmless', () => {
  for (const policy of [resolve({}, { rotates: false }), resolve({}, {}, false)]) {
    expect(policy.repeatWithinMs).toBe(Number.MAX_SAFE_INTEGER)
    expect(policy.forgiving).toBe(true)
    expect(policy.leaseMs).toBe(15_000)
  }
})

test('a short grace shrinks lease and timeout, so that the next holder can repeat within it', () => {
  const byUse = resolve({}, { rotates: true, reuseGraceMs: 9000 })
  expect(byUse).toMatchObject({ leaseMs: 4500, timeoutMs: 3000, settleMs: 4500, repeatWithinMs: 0, forgiving: true })
  const byTime = resolve({}, { rotates: true, reuseGraceMs: 9000, reuseGraceUntil: 'time' })
  expect(byTime).toMatchObject({ leaseMs: 4500, timeoutMs: 3000, settleMs: 4500, repeatWithinMs: 3000 })
  const long = resolve({}, { rotates: true, reuseGraceMs: 1_800_000, reuseGraceUntil: 'time' })
  expect(long).toMatchObject({ leaseMs: 15_000, timeoutMs: 10_000, settleMs: 15_000, repeatWithinMs: 1_780_000 })
})

test('explicit lease and settle time are kept with a grace too', () => {
  expect(resolve({ leaseMs: 12_000, settleMs: 1000 }, { reuseGraceMs: 9000 })).toMatchObject({
    leaseMs: 12_000,
    settleMs: 1000,
    timeoutMs: 8000,
  })
})

test('impossible numbers are refused with the name of their option', () => {
  for (const name of ['earlyMs', 'spentMs', 'revalidateMs', 'leaseMs', 'settleMs', 'waitMs'] as const) {
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
      expect(() => checkPolicy({ [name]: value })).toThrow(new RegExp(`policy\\.${name}`))
    }
  }
  expect(() => checkPolicy({ leaseMs: 10_000 }, 10_000)).toThrow(ConfigError)
  expect(() => checkPolicy({ leaseMs: 10_001 }, 10_000)).not.toThrow()
})

test('a token counts as new for a minute, or a tenth of its lifetime', () => {
  expect(youngMs({ receivedAt: 0 })).toBe(60_000)
  expect(youngMs(token(3_600_000))).toBe(60_000)
  expect(youngMs(token(60_000))).toBe(6000)
  expect(youngMs(token(-5))).toBe(0)
})
