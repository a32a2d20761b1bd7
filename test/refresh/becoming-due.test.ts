import { expect, test } from 'vitest'
import { contentOf } from '../../src/refresh/record-content.ts'
import { resolvePolicy } from '../../src/refresh/policy.ts'
import type { ProviderRefresh } from '../../src/model/provider.ts'
import { makeToken } from '../../src/model/token.ts'
import { connected, HOUR, settled, world } from './setup.ts'

const MINUTE = 60_000

function dueAt(
  refresh: ProviderRefresh,
  fields: { expiresAt?: number; refreshTokenExpiresAt?: number },
): number | undefined {
  const token = makeToken({ accessToken: 'a', refreshToken: 'r', receivedAt: 0, ...fields })
  return contentOf(token, '', {
    policy: resolvePolicy({ earlyMs: 0, spentMs: 0 }, refresh, 10_000, true),
    obtainable: false,
  }).refreshAfter
}

test.each([
  ['its access token', {}, { expiresAt: HOUR }, HOUR],
  ['its refresh token', {}, { expiresAt: HOUR, refreshTokenExpiresAt: 30 * MINUTE }, 24 * MINUTE],
  ['its refresh token, where the access token has no end', {}, { refreshTokenExpiresAt: 100 * MINUTE }, 80 * MINUTE],
  ['the time that the provider lets it be idle', { idleLifetimeMs: 50 * MINUTE }, { expiresAt: HOUR }, 40 * MINUTE],
  ['idle time and refresh token', { idleLifetimeMs: 50 * MINUTE }, { refreshTokenExpiresAt: 20 * MINUTE }, 16 * MINUTE],
  ['nothing, where nothing ends', {}, {}, undefined],
  [
    'its access token, where no refresh moves the end',
    { absoluteLifetimeMs: 30 * MINUTE },
    { expiresAt: HOUR, refreshTokenExpiresAt: 30 * MINUTE },
    HOUR,
  ],
  [
    'its access token, where the refresh token stays the same',
    { rotates: false },
    { expiresAt: HOUR, refreshTokenExpiresAt: 30 * MINUTE },
    HOUR,
  ],
  [
    'its access token, where the refresh token has ended before it came',
    {},
    { expiresAt: HOUR, refreshTokenExpiresAt: -1 },
    HOUR,
  ],
] as const)('a grant becomes due by the earliest of %s', (_name, refresh, fields, expected) => {
  expect(dueAt(refresh, fields)).toBe(expected)
})

for (const [name, use] of [
  ['its next use', true],
  ['the worker', false],
] as const) {
  test(`a grant whose refresh token ends before its access token is refreshed in time by ${name}`, async () => {
    const { clock, process, server } = world()
    server.extra = { refresh_expires_in: 1800 }
    const grants = process()
    const issued = server.issue()
    const session = await grants.save('acme', 'f', { ...issued, expires_in: 3600, refresh_expires_in: 1800 })
    const worker = use ? undefined : grants.keepFresh()
    for (let minute = 0; minute < 29; minute += 1) {
      await clock.advance(MINUTE)
      if (use) await session.token()
    }
    await worker?.stop()
    expect(server.redemptions).toBe(1)
  })
}

test('without background work, a caller that waits refreshes a grant whose refresh token ends first', async () => {
  const { clock, process, server } = world()
  const grants = process({ background: 'none' })
  const session = await grants.save('acme', 'f', { ...server.issue(), expires_in: 3600, refresh_expires_in: 1800 })
  await clock.advance(28 * MINUTE)
  expect((await settled(clock, session.token())).accessToken).toBe('at-f-1')
})

test('a token without any end stays as it is', async () => {
  const { clock, process, server } = world()
  const session = await connected(process(), server, clock, HOUR)
  await clock.advance(50 * MINUTE)
  expect((await session.token()).accessToken).toBe('at-f-0')
  expect(server.redemptions).toBe(0)
})
