import { expect } from 'vitest'
import type { Fault, FaultKind, PlainFaultKind, ProviderOptions } from '../../provider/src/index.ts'
import type { ProviderRefresh } from '../../src/model/provider.ts'
import type { OAuth2Session } from '../../src/session.ts'
import { HOUR, POLICY, until, type World } from './setup.ts'

/** What must hold when a fault meets one refresh of a rotating provider that revokes on reuse. */
export interface Expectation {
  readonly fault: Fault | PlainFaultKind
  /** What the caller of that refresh gets: the new token; or the old one while it lives, and this error once it has expired. */
  readonly caller: 'new token' | Readonly<Record<string, unknown>>
  /** The record at the end. */
  readonly record: Readonly<Record<string, unknown>>
  /** The emitted events by name, with members of the last one. */
  readonly told: readonly [names: readonly string[], last?: Readonly<Record<string, unknown>>]
  /**
   * How the grant recovers: callers retry after the given time, `recheck()` follows a wrong verdict, or it has ended.
   */
  readonly survival: 'by itself' | 'by recheck' | 'dead: answer_lost'
  /** The deadline passes while the provider withholds its response. */
  readonly pastDeadline?: boolean
  readonly provider?: ProviderOptions
  readonly refresh?: ProviderRefresh
  /** More about the new token and the store. */
  readonly check?: (world: World, session: OAuth2Session) => Promise<void>
}

const intact = { state: 'active', version: 1, lease: undefined }
const closed = { open: false, everUnknown: false, attempt: 1 }
const unknown = { open: true, everUnknown: true, attempt: 1 }
const answeredUnreadably = { open: false, everUnknown: true, attempt: 1 }
const renewed = {
  state: 'active',
  reason: undefined,
  version: 2,
  lease: undefined,
  intent: undefined,
  failures: undefined,
}
export const dead = (reason: string) => ({
  state: 'reauthorization_required',
  reason,
  version: 2,
  lease: undefined,
  renewable: true,
})
const noAnswer = { code: 'provider_unavailable', retryable: true, maybeProcessed: true }
const noted = (code: string, more: Readonly<Record<string, unknown>> = {}) =>
  expect.objectContaining({ code, count: 1, mandatory: false, ...more })

/** Not consumed: come back. */
const later = (fault: Fault | PlainFaultKind, status: number | undefined): Expectation => ({
  fault,
  caller: {
    code: 'provider_unavailable',
    retryable: true,
    maybeProcessed: false,
    ...(status !== undefined && { status }),
  },
  record: { ...intact, failures: noted('provider_unavailable'), intent: expect.objectContaining(closed) },
  told: [
    ['refresh_failed', 'refreshed'],
    { code: 'provider_unavailable', retryable: true, backoffUntil: expect.any(Number) },
  ],
  survival: 'by itself',
  check: backsOff,
})

/** Not consumed, and the provider named the time. */
const laterBy = (fault: Fault, status: number, retryAfterMs: number): Expectation => ({
  ...later(fault, status),
  caller: { code: 'provider_unavailable', status, retryAfterMs },
  record: {
    ...intact,
    failures: noted('provider_unavailable', { mandatory: true }),
    intent: expect.objectContaining(closed),
  },
  check: async (world, session) => {
    const { failures } = await world.record()
    expect(failures!.notBefore - failures!.lastAt).toBe(retryAfterMs)
    // Not even a manual refresh passes it.
    await expect(session.refresh()).rejects.toMatchObject({
      code: 'provider_unavailable',
      retryAfterMs: expect.any(Number),
    })
    expect(world.provider.stats().tokenRequests.refresh_token).toBe(1)
  },
})

/** The provider says wrongly that the grant has ended. */
const wronglyDead = (fault: Fault | PlainFaultKind): Expectation => ({
  fault,
  caller: { code: 'reauthorization_required', reason: 'revoked', retryable: false },
  record: { ...dead('revoked'), intent: expect.objectContaining(closed) },
  told: [['reauthorization_required', 'refreshed'], { reason: 'revoked' }],
  survival: 'by recheck',
})

/** A refusal that says something of the call, nothing of the grant. */
const refusedCall = (fault: Fault | PlainFaultKind, error: string, retryable: boolean): Expectation => ({
  fault,
  caller: { code: 'token_request_error', error, retryable },
  record: { ...intact, failures: noted(error), intent: expect.objectContaining(closed) },
  told: [['refresh_failed', 'refreshed'], { code: error, retryable }],
  survival: 'by itself',
  check: backsOff,
})

/** A refusal that is not registered for a refresh: the refresh token may have been consumed, and here it was not. */
const refusedUnclearly = (fault: Fault | PlainFaultKind, error: string): Expectation => ({
  ...refusedCall(fault, error, false),
  record: { ...intact, failures: noted(error), intent: expect.objectContaining(answeredUnreadably) },
})

/** No complete response arrived: the refresh token may have been consumed, but was not. */
const unanswered = (fault: Fault | PlainFaultKind): Expectation => ({
  fault,
  caller: noAnswer,
  record: { ...intact, failures: noted('provider_unavailable'), intent: expect.objectContaining(unknown) },
  told: [['refresh_failed', 'refreshed'], { code: 'provider_unavailable', retryable: true }],
  survival: 'by itself',
  check: settles,
})

/** The request was processed and its response is lost. */
const lost = (
  fault: Fault | PlainFaultKind,
  caller: Readonly<Record<string, unknown>>,
  intent: Readonly<Record<string, unknown>>,
): Readonly<Record<'strict' | 'forgiving' | 'not rotating', Expectation>> => {
  const base = {
    fault,
    caller,
    record: { ...intact, failures: noted(String(caller['code'])), intent: expect.objectContaining(intent) },
    ...(intent['open'] === true && { check: settles }),
  }
  const told = [['refresh_failed', 'refreshed'], { code: caller['code'] }] as const
  return {
    strict: {
      ...base,
      told: [['refresh_failed', 'reauthorization_required'], { code: caller['code'] }],
      survival: 'dead: answer_lost',
    },
    forgiving: {
      ...base,
      told,
      survival: 'by itself',
      provider: { reuse: HOUR * 3 },
      refresh: { rotates: true, reuseGraceMs: HOUR * 3 },
    },
    'not rotating': { ...base, told, survival: 'by itself', provider: { rotate: false } },
  }
}

/** During the request its holder keeps the lease, and no verdict is written. */
const underWay = {
  state: 'active',
  version: 1,
  lease: expect.objectContaining({ owner: expect.any(String) }),
  intent: expect.objectContaining({ open: true, attempt: 1 }),
  failures: undefined,
}

/** The deadline ends the callers' wait, not the request; that is given up after the settle time. */
function hanging(fault: Fault): Expectation {
  return {
    ...unanswered(fault),
    pastDeadline: true,
    record: underWay,
    check: async ({ clock, provider, record }) => {
      clock.travel(POLICY.settleMs)
      await until(async () => (await record()).lease === undefined, 'the request was given up')
      expect(await record()).toMatchObject({
        ...intact,
        failures: noted('provider_unavailable'),
        intent: expect.objectContaining(unknown),
      })
      expect(provider.stats().tokenRequests.refresh_token).toBe(1)
    },
  }
}

function hangingAfter<K extends string>(
  variants: Readonly<Record<K, Expectation>>,
): Readonly<Record<string, Expectation>> {
  const { pastDeadline, record, check } = hanging({ kind: 'hang' })
  return Object.fromEntries(
    Object.entries<Expectation>(variants).map(([name, each]) => [
      name,
      { ...each, pastDeadline, record, check } as Expectation,
    ]),
  )
}

function prefixed(
  text: string,
  variants: Readonly<Record<string, Expectation>>,
): Readonly<Record<string, Expectation>> {
  return Object.fromEntries(Object.entries(variants).map(([name, each]) => [`${text} (${name})`, each]))
}

/** A response after the deadline is treated like any other. */
function late(fault: Fault): Expectation {
  return {
    fault,
    pastDeadline: true,
    caller: noAnswer,
    record: underWay,
    told: [['refreshed', 'refreshed'], { cause: 'spent' }],
    survival: 'by itself',
    check: async ({ provider, record }) => {
      await until(async () => (await record()).version === 2, 'the late response was saved')
      expect(await record()).toMatchObject(renewed)
      expect(provider.stats()).toMatchObject({ redemptions: 1, tokenRequests: { refresh_token: 1 } })
    },
  }
}

/** A success in an odd form: the caller gets the new token, as if nothing were odd. */
const mended = (
  fault: Fault | PlainFaultKind,
  check?: Expectation['check'],
  record: Readonly<Record<string, unknown>> = {},
): Expectation => ({
  fault,
  caller: 'new token',
  record: { ...renewed, ...record },
  told: [['refreshed', 'refreshed']],
  survival: 'by itself',
  ...(check !== undefined && { check }),
})

/** No process, not even this one, sends that refresh token again before the settle time is over. */
async function settles(world: World, session: OAuth2Session): Promise<void> {
  const before = world.provider.stats().tokenRequests.refresh_token
  for (let call = 0; call < 5; call += 1) await session.token().catch(() => undefined)
  // A manual refresh passes the back-off, not the settle time.
  await expect(session.refresh()).rejects.toMatchObject({
    code: 'provider_unavailable',
    retryAfterMs: expect.any(Number),
  })
  expect(world.provider.stats().tokenRequests.refresh_token).toBe(before)
  const { intent } = await world.record()
  const left = intent!.sendBefore + POLICY.settleMs - world.clock.now()
  expect(left).toBeGreaterThan(POLICY.settleMs / 2)
}

/** Callers that come at once are not sent on to the provider. */
async function backsOff({ provider }: World, session: OAuth2Session): Promise<void> {
  for (let call = 0; call < 5; call += 1) {
    const outcome = await session.token().catch((error: unknown) => error)
    if (outcome instanceof Error)
      expect(outcome).toMatchObject({ retryable: true, retryAfterMs: expect.any(Number) as number })
  }
  expect(provider.stats().tokenRequests.refresh_token).toBe(1)
}

const lifetime = (ms: number) => async (world: World) => {
  const { expiresAt, lastRefreshedAt } = await world.record()
  expect(expiresAt! - lastRefreshedAt!).toBe(ms)
}

/** The next refresh comes a second later at the soonest. */
async function bornSpent(world: World, session: OAuth2Session): Promise<void> {
  await lifetime(0)(world)
  const { version } = await world.record()
  const next = session.token()
  await until(() => world.clock.waits().some((ms) => ms > 0 && ms <= 1000), 'the next refresh waited')
  expect(world.provider.stats().tokenRequests.refresh_token).toBe(1)
  world.clock.travel(1000)
  await next
  expect(await world.record()).toMatchObject({ version: version + 1, failures: undefined })
}

/** Every way to fail that the provider knows; a kind without a case here does not compile. */
export const expectations: { readonly [K in FaultKind]: Readonly<Record<string, Expectation>> } = {
  server_error: {
    'affects no caller while the token is valid': later('server_error', 503),
    'with status 500': later({ kind: 'server_error', status: 500 }, 500),
    'with Retry-After': laterBy({ kind: 'server_error', status: 502, retryAfter: 70 }, 502, 70_000),
  },
  rate_limited: {
    'for seconds': laterBy({ kind: 'rate_limited', retryAfter: 120 }, 429, 120_000),
    'for longer than an hour counts as an hour': {
      ...laterBy({ kind: 'rate_limited', retryAfter: 7200 }, 429, 7_200_000),
      check: async (world) => {
        const { failures } = await world.record()
        expect(failures!.notBefore - failures!.lastAt).toBe(HOUR)
      },
    },
  },
  drop_before: { 'leaves the grant to be tried once more when it is settled': unanswered('drop_before') },
  error_200: {
    'that says invalid_grant is a verdict': wronglyDead('error_200'),
    'that says something passing is not': refusedCall(
      { kind: 'error_200', error: 'server_error' },
      'server_error',
      true,
    ),
  },
  empty_400: {
    'is a refusal of unknown cause': {
      ...refusedCall('empty_400', 'refused', true),
      caller: { code: 'token_request_error', status: 400, retryable: true },
    },
  },
  invalid_grant: {
    'is a verdict, which a recheck overturns': wronglyDead({ kind: 'invalid_grant', description: 'no' }),
  },
  invalid_client: {
    'ends no grant, which backs off': {
      fault: 'invalid_client',
      caller: { code: 'token_request_error', status: 401, error: 'invalid_client', retryable: false },
      record: { ...intact, failures: noted('invalid_client'), intent: expect.objectContaining(closed) },
      told: [['refresh_failed', 'refreshed'], { code: 'invalid_client', retryable: false }],
      survival: 'by itself',
      check: backsOff,
    },
  },
  oauth_error: {
    'that blames the call does not end the grant': refusedCall(
      { kind: 'oauth_error', error: 'invalid_scope', description: 'no such scope' },
      'invalid_scope',
      false,
    ),
    'that passes is retryable': refusedCall(
      { kind: 'oauth_error', error: 'temporarily_unavailable', status: 400 },
      'temporarily_unavailable',
      true,
    ),
    'with a status of 5xx is a server error': later({ kind: 'oauth_error', error: 'invalid_grant', status: 503 }, 503),
  },
  unauthorized: { 'at the token endpoint is a code of resources': refusedUnclearly('unauthorized', 'invalid_token') },
  drop_after: lost('drop_after', noAnswer, unknown),
  truncated: lost('truncated', noAnswer, unknown),
  malformed: lost(
    'malformed',
    { code: 'token_response_error', status: 200, problem: 'unreadable' },
    answeredUnreadably,
  ),
  hang: {
    'that ends before the deadline is only slow': mended({ kind: 'hang', ms: 30 }),
    'that never ends and is never processed': hanging({ kind: 'hang' }),
    'that ends late is taken when it comes': late({ kind: 'hang', ms: 150 }),
    'that ends late, processed at once, is taken when it comes': late({ kind: 'hang', ms: 150, process: 'first' }),
    ...prefixed(
      'that never ends and was processed',
      hangingAfter(lost({ kind: 'hang', process: 'first' }, noAnswer, unknown)),
    ),
  },
  wrong_content_type: {
    'does no harm': mended('wrong_content_type'),
    'of plain text does no harm': mended({ kind: 'wrong_content_type', contentType: 'text/plain' }),
  },
  form_encoded: { 'is read like JSON': mended('form_encoded', lifetime(HOUR)) },
  expires_in: {
    'of half a second is that': mended({ kind: 'expires_in', value: 0.5 }, lifetime(500)),
    'that is absurd is ten years': mended({ kind: 'expires_in', value: 1e300 }, lifetime(10 * 365 * 24 * HOUR)),
    'that is null is unknown': mended({ kind: 'expires_in', value: null }, undefined, { expiresAt: undefined }),
    'that is a word is unknown': mended({ kind: 'expires_in', value: 'soon' }, undefined, { expiresAt: undefined }),
    'of zero serves the callers of that refresh': mended({ kind: 'expires_in', value: 0 }, bornSpent),
    'below zero serves the callers of that refresh': mended({ kind: 'expires_in', value: -5 }, bornSpent),
  },
  expires_in_string: { 'counts by its value': mended('expires_in_string', lifetime(HOUR)) },
  expires_in_missing: {
    'leaves the lifetime unknown': mended('expires_in_missing', undefined, {
      expiresAt: undefined,
      refreshAfter: undefined,
    }),
    'takes the provider’s own default': {
      ...mended('expires_in_missing', lifetime(120_000)),
      refresh: { defaultLifetimeMs: 120_000 },
    },
  },
  token_type_missing: { 'is bearer': mended('token_type_missing') },
  token_type_odd: {
    'withholds the access token and keeps the new refresh token': {
      fault: 'token_type_odd',
      caller: { code: 'token_response_error', status: 200, problem: 'token_type' },
      record: {
        state: 'active',
        version: 2,
        lease: undefined,
        intent: undefined,
        failures: noted('token_response_error'),
      },
      told: [['refresh_failed', 'refreshed'], { code: 'token_response_error' }],
      survival: 'by itself',
    },
    'of a provider that doesn’t rotate is tried again': {
      fault: 'token_type_odd',
      caller: { code: 'token_response_error', status: 200, problem: 'token_type' },
      record: {
        ...intact,
        failures: noted('token_response_error'),
        intent: expect.objectContaining(answeredUnreadably),
      },
      told: [['refresh_failed', 'refreshed'], { code: 'token_response_error' }],
      survival: 'by itself',
      provider: { rotate: false },
    },
  },
  refresh_token_missing: { 'keeps the one that there is': mended('refresh_token_missing') },
  id_token_invalid: {
    'that can’t be read is dropped': idTokenDropped('unparsable'),
    'that has expired is dropped': idTokenDropped('expired'),
    // It came from the token endpoint itself (OpenID Connect Core section 3.1.3.7, rule 6).
    'with a broken signature is taken': mended({ kind: 'id_token_invalid', flaw: 'signature' }),
    'of another subject withholds the access token': anotherIdentity('subject'),
    'of another issuer withholds the access token': anotherIdentity('issuer'),
    'for another audience withholds the access token': anotherIdentity('audience'),
  },
}

function idTokenDropped(flaw: 'unparsable' | 'expired'): Expectation {
  return {
    ...mended({ kind: 'id_token_invalid', flaw }),
    told: [['refreshed', 'refreshed'], { idTokenDropped: true }],
  }
}

function anotherIdentity(flaw: 'subject' | 'issuer' | 'audience'): Expectation {
  return {
    fault: { kind: 'id_token_invalid', flaw },
    caller: { code: 'reauthorization_required', reason: 'identity_changed' },
    record: { ...dead('identity_changed'), failures: undefined, intent: undefined },
    told: [['reauthorization_required', 'refreshed'], { reason: 'identity_changed' }],
    survival: 'by recheck',
  }
}
