import { expect, test } from 'vitest'
import {
  ConfigError,
  ProviderUnavailableError,
  StoreError,
  TokenRequestError,
  TokenResponseError,
} from '../../src/model/errors.ts'
import { nextFailures, refusedTooLong, codeOf, meaningOf } from '../../src/refresh/failure.ts'
import { ClientHealth } from '../../src/refresh/client-health.ts'
import { makeToken } from '../../src/model/token.ts'

const redeemed = makeToken({ accessToken: 'a', receivedAt: 0, refreshToken: 'old' })
const refused = (error?: string) =>
  new TokenRequestError('c', { status: 400, retryable: false, ...(error !== undefined && { error }) })
const unusable = (problem: TokenResponseError['problem'], refreshToken?: string) =>
  new TokenResponseError('c', {
    status: 200,
    problem,
    reason: 'r',
    retryable: false,
    token: refreshToken === undefined ? undefined : makeToken({ ...redeemed, refreshToken }),
  })

test.each([
  ['invalid_grant', refused('invalid_grant'), 'dead'],
  ['the provider’s own word for it', refused('bad_refresh_token'), 'dead'],
  ['invalid_client', refused('invalid_client'), 'registration'],
  ['unauthorized_client', refused('unauthorized_client'), 'registration'],
  ['invalid_scope', refused('invalid_scope'), 'request'],
  ['invalid_request', refused('invalid_request'), 'request'],
  ['unsupported_grant_type', refused('unsupported_grant_type'), 'request'],
  ['invalid_target', refused('invalid_target'), 'unknown'],
  ['temporarily_unavailable', refused('temporarily_unavailable'), 'later'],
  ['a refusal without an error', refused(), 'refused'],
  ['a connection that was never made', new ProviderUnavailableError('m', { maybeProcessed: false }), 'later'],
  ['no complete response', new ProviderUnavailableError('m', { maybeProcessed: true }), 'unknown'],
  ['an unreadable response', unusable('unreadable'), 'unknown'],
  ['an unusable response with the same refresh token', unusable('token_type', 'old'), 'unknown'],
  ['an unusable response with a new refresh token', unusable('no_access_token', 'new'), 'captured'],
  ['another identity', unusable('identity_changed', 'new'), 'identity_changed'],
  ['a program error', new ConfigError('m'), 'unsent'],
  ['something unknown', new TypeError('m'), 'unknown'],
] as const)('the failure %s has the meaning of the table', (_name, error, meaning) => {
  expect(meaningOf(error, redeemed, ['bad_refresh_token'])).toBe(meaning)
})

test('a failure is recorded under a stable code', () => {
  expect(codeOf(refused('invalid_scope'), 'request')).toBe('invalid_scope')
  expect(codeOf(refused(), 'refused')).toBe('refused')
  expect(codeOf(new StoreError('m'), 'unsent')).toBe('store_error')
  expect(codeOf(new TypeError('m'), 'unknown')).toBe('unexpected_error')
})

test('Retry-After sets a back-off of up to an hour and makes it mandatory', () => {
  const noted = nextFailures(undefined, { code: 'x', now: 0, retryAfterMs: 10 * 3_600_000 })
  expect(noted).toMatchObject({ notBefore: 3_600_000, mandatory: true })
  const after = nextFailures(noted, { code: 'x', now: 3_600_000 })
  expect(after.mandatory).toBe(false)
  // The provider's own delay is not doubled: the next is as the first.
  const delay = after.notBefore - 3_600_000
  expect(delay).toBeGreaterThanOrEqual(800)
  expect(delay).toBeLessThanOrEqual(1200)
})

test('Retry-After of less than the back-off does not shorten it', () => {
  let failures = nextFailures(undefined, { code: 'x', now: 0 })
  for (let round = 0; round < 20; round += 1) failures = nextFailures(failures, { code: 'x', now: failures.notBefore })
  const { notBefore: now } = failures
  const asked = nextFailures(failures, { code: 'x', now, retryAfterMs: 1000 })
  expect(asked.mandatory).toBe(true)
  expect(asked.notBefore - now).toBeGreaterThanOrEqual(240_000)
  expect(asked.notBefore - now).toBeLessThanOrEqual(360_000)
})

test('another error code starts another count, and the back-off goes on growing', () => {
  const first = nextFailures(undefined, { code: 'a', now: 1000 })
  const second = nextFailures(first, { code: 'b', now: 5000 })
  expect(second).toMatchObject({ code: 'b', count: 1, firstAt: 5000 })
  const doubled = (first.notBefore - 1000) * 2
  expect(second.notBefore - 5000).toBeGreaterThanOrEqual(Math.floor(doubled * 0.8))
  expect(second.notBefore - 5000).toBeLessThanOrEqual(Math.ceil(doubled * 1.2))
  const third = nextFailures(second, { code: 'b', now: 9000 })
  expect(third).toMatchObject({ code: 'b', count: 2, firstAt: 5000, lastAt: 9000 })
})

test('only refusals end a grant, only ten of them, and only over a day', () => {
  const failures = { code: 'refused', count: 10, firstAt: 0, lastAt: 24 * 3_600_000, notBefore: 0, mandatory: false }
  expect(refusedTooLong(failures)).toBe(true)
  expect(refusedTooLong({ ...failures, count: 9 })).toBe(false)
  expect(refusedTooLong({ ...failures, lastAt: failures.lastAt - 1 })).toBe(false)
  expect(refusedTooLong({ ...failures, code: 'provider_unavailable' })).toBe(false)
})

test('endings a minute apart do not suspect the client; eleven in a minute without a success do', () => {
  let now = 0
  const suspected: string[] = []
  const health = new ClientHealth({ monotonic: () => now }, (error) => void suspected.push(error))
  for (let index = 0; index < 30; index += 1, now += 6001) expect(health.died(`g${index}`, 'invalid_grant')).toBe(true)
  for (let index = 0; index < 30; index += 1) expect(health.died('one and the same', 'invalid_grant')).toBe(true)
  for (let index = 0; index < 10; index += 1) health.died(`h${index}`, 'invalid_grant')
  expect(health.suspect).toBe(true)
  expect(suspected).toEqual(['invalid_grant'])
  health.succeeded()
  expect(health.suspect).toBe(false)
  expect(health.died('g', 'invalid_grant')).toBe(true)
})

test('a refused client backs off up to five minutes', () => {
  let now = 0
  const health = new ClientHealth({ monotonic: () => now }, () => undefined)
  expect(health.waitMs).toBe(0)
  for (let index = 0; index < 20; index += 1) health.refused('one user', 'unauthorized_client')
  expect(health.waitMs).toBe(0)
  for (let index = 0; index < 20; index += 1) health.refused(`g${index % 2}`, 'invalid_client')
  expect(health.waitMs).toBe(300_000)
  now = 300_000
  // The first one is let through, and the others wait for what comes of it.
  expect([health.admit(), health.admit()]).toEqual([0, 300_000])
  health.succeeded()
  expect([health.admit(), health.admit()]).toEqual([0, 0])
})
