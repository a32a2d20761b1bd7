import { inspect } from 'node:util'

import { describe, expect, test } from 'vitest'

import * as errors from '../../src/model/errors.ts'
import { makeToken } from '../../src/model/token.ts'

const key = { client: 'acme', subject: 'ann', account: '' }
const cause = new Error('below')

/** One of each class, with the code and `retryable` of the contract. */
const family: readonly [errors.EvergrantError, string, boolean][] = [
  [new errors.ConfigError('wrong'), 'config_error', false],
  [new errors.InsecureTransportError('http'), 'insecure_transport', false],
  [new errors.OriginNotAllowedError('https://evil.example', 'acme'), 'origin_not_allowed', false],
  [new errors.AuthorizationError('acme', 'access_denied'), 'authorization_error', false],
  [new errors.CallbackError('state_mismatch', 'No.'), 'state_mismatch', false],
  [
    new errors.TokenRequestError('acme', { status: 400, error: 'invalid_grant', retryable: false }),
    'token_request_error',
    false,
  ],
  [new errors.TokenRequestError('acme', { status: 400, retryable: true }), 'token_request_error', true],
  [new errors.DiscoveryError('gone', { retryable: true, status: 503 }), 'discovery_error', true],
  [
    new errors.TokenResponseError('acme', { status: 200, problem: 'unreadable', reason: 'x', retryable: true }),
    'token_response_error',
    true,
  ],
  [
    new errors.ProviderUnavailableError('down', { status: 503, retryAfterMs: 5, maybeProcessed: false }),
    'provider_unavailable',
    true,
  ],
  [new errors.ReauthorizationRequiredError(key, 'revoked'), 'reauthorization_required', false],
  [new errors.GrantNotFoundError(key), 'grant_not_found', false],
  [new errors.StoreError('full', { cause }), 'store_error', true],
  [new errors.SealError('k1', 'no key'), 'seal_error', false],
  [new errors.UnreadableRecordError({ client: 'c', subject: 's', account: '' }), 'unreadable_record', false],
  [new errors.RefreshTimeoutError(key, 30_000), 'refresh_timeout', true],
]

describe('every error of the family', () => {
  test.each(family)('%s', (error, code, retryable) => {
    expect([error.code, error.retryable]).toEqual([code, retryable])
    expect(error.name).toBe(error.constructor.name)
    expect(errors.isEvergrantError(error)).toBe(true)
    expect(error).toBeInstanceOf(Error)
    expect(error.stack).toContain(error.name)
  })

  test('has an example above', () => {
    const classes = Object.values(errors).filter(
      (value) => typeof value === 'function' && value.prototype instanceof errors.EvergrantError,
    )
    expect(new Set(family.map(([error]) => error.constructor))).toEqual(new Set(classes))
  })
})

test('errors of another copy of the library are recognized, other errors are not', () => {
  const copy = Object.assign(new Error('x'), { name: 'StoreError', code: 'store_error', retryable: true })
  expect(errors.isEvergrantError(copy)).toBe(true)
  const stranger = Object.assign(new Error('x'), { code: 'ECONNRESET', retryable: true })
  for (const other of [
    stranger,
    new Error('x'),
    { name: 'StoreError', code: 'x', retryable: true },
    undefined,
    null,
    'StoreError',
  ]) {
    expect(errors.isEvergrantError(other)).toBe(false)
  }
})

test('messages say what happened, where, and what to do', () => {
  expect(new errors.AuthorizationError('acme', 'access_denied', 'No thanks').message).toBe(
    "The provider of client 'acme' rejected the login with 'access_denied': No thanks. The user declined: offer the login again.",
  )
  expect(new errors.AuthorizationError('acme', 'invalid_scope').message).toContain('check the client registration')
  expect(new errors.ReauthorizationRequiredError({ ...key, account: 'work' }, 'answer_lost').message).toContain(
    "Subject 'ann', account 'work', must reconnect client 'acme': a refresh response was lost",
  )
  expect(new errors.CallbackError('missing_code', 'There is no code.').message).toBe(
    'There is no code. Start the login again.',
  )
  expect(new errors.RefreshTimeoutError(key, 5).message).toContain('policy.waitMs')
})

describe('the advice after an error of the token endpoint depends on its code', () => {
  test.each([
    [undefined, 'Try again later'],
    ['invalid_grant', 'through the login again'],
    ['invalid_client', 'Check clientId'],
    ['unauthorized_client', 'Check clientId'],
    ['invalid_scope', 'scopes'],
    ['strange_error', 'documentation'],
  ])('%s', (error, advice) => {
    const detail = {
      status: 400,
      retryable: false,
      ...(error === undefined ? {} : { error, errorDescription: 'text' }),
    }
    const refusal = new errors.TokenRequestError('acme', detail)
    expect(refusal.message).toContain(advice)
    expect(refusal.error).toBe(error)
    expect(refusal.errorDescription).toBe(error === undefined ? undefined : 'text')
    expect(new errors.TokenRequestError('acme', { ...detail, advice: 'Do this.' }).message).toContain('Do this.')
  })
})

test('optional members are present only if they have a value', () => {
  expect('retryAfterMs' in new errors.StoreError('x')).toBe(false)
  expect(new errors.StoreError('x', { retryAfterMs: 5 }).retryAfterMs).toBe(5)
  const unreachable = new errors.ProviderUnavailableError('x', { maybeProcessed: true })
  expect(['status' in unreachable, 'retryAfterMs' in unreachable, unreachable.maybeProcessed]).toEqual([
    false,
    false,
    true,
  ])
  expect('status' in new errors.DiscoveryError('x', { retryable: false })).toBe(false)
  expect('cause' in new errors.ConfigError('x')).toBe(false)
  expect(new errors.StoreError('x', { cause }).cause).toBe(cause)
  expect(new errors.AuthorizationError('acme', 'x').errorDescription).toBe(undefined)
})

test('the tokens of an unusable response are on the error, but hidden', () => {
  const token = makeToken({ accessToken: 'the-secret', receivedAt: 0, refreshToken: 'the-secret-too' })
  const detail = { status: 200, problem: 'token_type', reason: 'odd', retryable: false } as const
  const error = new errors.TokenResponseError('acme', { ...detail, token })
  expect(error.token).toBe(token)
  expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('the-secret')
  expect(Object.getOwnPropertyNames(error)).not.toContain('token')
  expect(new errors.TokenResponseError('acme', detail).token).toBeUndefined()
})
