import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import { meaningOf } from '../../src/refresh/failure.ts'
import type { Refusal } from '../../src/model/provider.ts'
import { json, makeClient, makeOldToken, rejection, scripted } from './setup.ts'

const answered = (answer: Response, refusals: readonly Refusal[], deadGrantErrors: string[] = []) =>
  rejection(makeClient(scripted(answer).fetch, {}, { refresh: { refusals, deadGrantErrors } }).refresh(makeOldToken()))

type When = Refusal['when']
const rejected = (body: unknown, status = 400): Response => json(body, { status })

const strava = {
  message: 'Bad Request',
  errors: [{ resource: 'RefreshToken', field: 'refresh_token', code: 'invalid' }],
}
test.each<[When, Response]>([
  [{ status: 400 }, rejected({})],
  [{ status: 200 }, rejected({ code: 7 }, 200)],
  [{ status: 403 }, new Response('<html>', { status: 403 })],
  [{ error: 'invalid_request' }, rejected({ error: 'invalid_request' })],
  [{ error: '400' }, rejected({ error: 400 })],
  [{ error: '40030' }, rejected({ errcode: 40030 }, 200)],
  [{ error: 'BAD_REFRESH_TOKEN' }, rejected({ status: 'BAD_REFRESH_TOKEN' })],
  [{ error: 'invalid_grant' }, rejected({ status: 'BAD_REFRESH_TOKEN' })],
  [{ description: 'invalid refresh token' }, rejected({ status: 400, message: 'Invalid Refresh Token.' })],
  [
    { description: 'TOKEN WAS INVALID' },
    rejected({ error: 'x', error_description: 'Value passed for the token was invalid.' }),
  ],
  [{ description: 'not found' }, rejected({ code: 20026, msg: 'refresh token not found' }, 200)],
  [{ description: 'second' }, rejected({ error: 'x', error_description: 'first', message: 'the second' })],
  [{ description: 'in the list' }, rejected({ errors: [{ code: 'x', message: 'it is in the list' }] })],
  [{ description: 'nested' }, rejected({ error: { code: 'x', message: 'nested' } })],
  [{ description: /^invalid\b.*token$/ }, rejected({ message: 'Invalid refresh Token' })],
  [{ description: /invalid/g }, rejected({ message: 'invalid' })],
  [{ body: { error: 400 } }, rejected({ error: 400, message: 'Bad Request' })],
  [{ body: { errors: [{ resource: 'RefreshToken', code: 'invalid' }] } }, rejected(strava)],
  [{ body: { errors: [{ resource: 'RefreshToken' }, { code: 'invalid' }] } }, rejected(strava)],
  [{ body: { a: { b: { c: null } } } }, rejected({ a: { b: { c: null, d: 1 } } })],
  [{ body: { ids: ['17841405793187219'] } }, new Response('{"ids":[1,17841405793187219]}', { status: 400 })],
  [{ body: { error: 'invalid_request' } }, new Response('error=invalid_request', { status: 400 })],
  [
    { status: 400, error: 'invalid_request', description: 'token', body: { extra: 1 } },
    rejected({ error: 'invalid_request', message: 'Token', extra: 1 }),
  ],
  // A sentence in place of a code, and texts that are no JSON.
  [
    { description: 'invalid refresh_token' },
    rejected({ status: 503, error: 'Invalid Params: invalid refresh_token' }, 200),
  ],
  [{ description: 'expired' }, rejected({ error: 'The refresh token has expired' })],
  [{ description: 'token validation failed' }, new Response('Token validation failed', { status: 400 })],
  // A 200 without a code and without a token.
  [{ body: { data: { error_code: 10_010 } } }, rejected({ data: { error_code: 10_010 }, message: 'error' }, 200)],
  [{ status: 200, description: 'expired' }, rejected({ status: 'error', message: 'refresh token expired' }, 200)],
  [{ body: { success: false } }, rejected({ success: false }, 200)],
  [{ body: { error: true } }, rejected({ error: true }, 200)],
  // A status of "later" that says more.
  [{ status: 500, description: 'revoked' }, rejected({ message: 'token revoked' }, 500)],
  [{ status: 429, error: 'grant_over' }, rejected({ error: 'grant_over' }, 429)],
  [{ body: { fatal: true } }, rejected({ fatal: true }, 503)],
])('a rule %j fits', async (when, answer) => {
  for (const means of ['dead', 'later', 'registration', 'request'] as const) {
    const error = await answered(answer.clone(), [{ when, means }])
    expect(error).toMatchObject({ name: 'TokenRequestError', means, retryable: means === 'later' })
    expect(meaningOf(error, undefined, [])).toBe(means)
  }
})

test.each<[When, Response]>([
  [{ status: 401 }, rejected({})],
  [{ status: 400 }, rejected({ code: 7 }, 200)],
  [{ error: 'invalid_grant' }, rejected({ error: 'invalid_request' })],
  [{ description: 'invalid refresh token' }, rejected({ status: 400, message: 'missing client id' })],
  [{ description: 'invalid' }, rejected({ error: 'invalid_request' })],
  [{ body: { error: 400 } }, rejected({ error: '400' })],
  [{ body: { error: { code: 1 } } }, rejected({ error: 'x' })],
  [{ body: { errors: [{ resource: 'RefreshToken' }, { resource: 'Application' }] } }, rejected(strava)],
  [{ body: { errors: { resource: 'RefreshToken' } } }, rejected(strava)],
  [{ body: { constructor: {} } }, rejected({ error: 'x' })],
  [{ body: { a: null } }, rejected({})],
  [
    { status: 400, error: 'invalid_request', description: 'other' },
    rejected({ error: 'invalid_request', message: 'Token' }),
  ],
  [{ body: { a: 1 } }, new Response('<html>', { status: 400 })],
])('a rule %j does not fit', async (when, answer) => {
  expect(await answered(answer, [{ when, means: 'dead' }])).not.toHaveProperty('means')
})

test('a rule that fits first decides, before the code and before deadGrantErrors', async () => {
  const rules: Refusal[] = [
    { when: { description: 'busy' }, means: 'later' },
    { when: { error: 'invalid_grant' }, means: 'registration' },
    { when: { status: 400 }, means: 'request' },
  ]
  expect(await answered(rejected({ error: 'invalid_grant', message: 'busy' }), rules)).toMatchObject({
    means: 'later',
  })
  expect(await answered(rejected({ error: 'invalid_grant' }), rules)).toMatchObject({ means: 'registration' })
  expect(await answered(rejected({ error: 'gone' }), rules, ['gone'])).toMatchObject({ means: 'request' })
})

test('a rule that fits none leaves the status of "later" what it is', async () => {
  const rules: Refusal[] = [{ when: { error: 'grant_over' }, means: 'dead' }]
  for (const answer of [rejected({ error: 'invalid_grant' }, 503), new Response('<html>', { status: 500 })])
    expect(await answered(answer, rules, ['invalid_grant'])).toMatchObject({
      name: 'ProviderUnavailableError',
      maybeProcessed: false,
    })
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error('broken')) })
  expect(await answered(new Response(broken, { status: 503 }), rules)).toMatchObject({
    name: 'ProviderUnavailableError',
    status: 503,
    maybeProcessed: false,
  })
})

test('a rule of registration makes the client try the next secret; other rules do not', async () => {
  for (const [means, requests] of [
    ['registration', 2],
    ['dead', 1],
    ['later', 1],
  ] as const) {
    const { fetch, requests: sent } = scripted(rejected({ error: 'invalid_client' }), json({ access_token: 'at' }))
    const refusals: Refusal[] = [{ when: { status: 400 }, means }]
    await makeClient(fetch, { clientSecret: ['one-secret', 'two-secret'] }, { refresh: { refusals } })
      .refresh(makeOldToken())
      .catch(() => undefined)
    expect(sent).toHaveLength(requests)
  }
})

test('a rule shows nothing of the response’s body', async () => {
  const error = await answered(rejected({ hidden: 'the-secret', error: 'x' }), [
    { when: { body: { hidden: 'the-secret' } }, means: 'dead' },
  ])
  expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('the-secret')
})

test('a rule remembers nothing of what it judged before', async () => {
  for (const description of [/invalid/g, /invalid/y, /INVALID/giy]) {
    const { fetch } = scripted(rejected({ message: 'invalid' }))
    const client = makeClient(fetch, {}, { refresh: { refusals: [{ when: { description }, means: 'dead' }] } })
    for (let time = 0; time < 3; time += 1)
      expect(await rejection(client.refresh(makeOldToken()))).toMatchObject({ means: 'dead' })
  }
})

test('a text is searched for its first ten thousand characters', async () => {
  for (const [length, means] of [
    [9993, 'dead'],
    [9994, undefined],
  ] as const) {
    for (const description of ['expired', /expired/]) {
      const answer = rejected({ error: 'invalid_request', error_description: `${'x'.repeat(length)}expired` })
      expect((await answered(answer, [{ when: { description }, means: 'dead' }]))['means']).toBe(means)
    }
  }
})

test('deadGrantErrors are compared with the code as the response has it and as the error has it', async () => {
  for (const [body, status, code] of [
    [{ code: 20026 }, 200, '20026'],
    [{ error: 'bad_client_id' }, 400, 'bad_client_id'],
    [{ errors: [{ code: 'invalid' }] }, 400, 'invalid'],
    [{ error: { code: 190, type: 'OAuthException' } }, 400, '190'],
  ] as const)
    expect(await answered(rejected(body, status), [], [code])).toMatchObject({ means: 'dead' })
})

test.each([
  'the request is still being processed',
  'Token request is already being processed',
  'A refresh is in progress for this token',
  'another refresh is in progress',
])('an invalid_grant that says "%s" ends automatically', async (error_description) => {
  const error = await answered(rejected({ error: 'invalid_grant', error_description }), [])
  expect(error).toMatchObject({ error: 'invalid_grant', means: 'later', retryable: true })
  expect(meaningOf(error, undefined, [])).toBe('later')
})

test.each(['Token has been expired or revoked.', 'The token was processed before', 'already used'])(
  'an invalid_grant that says "%s" does not',
  async (error_description) => {
    const error = await answered(rejected({ error: 'invalid_grant', error_description }), [])
    expect(meaningOf(error, undefined, [])).toBe('dead')
  },
)

test.each<[unknown, RegExp]>([
  [{}, /refusals of provider 'acme' to be a list/],
  [[{ when: {}, means: 'dead' }], /refusals\[0\] of provider 'acme' to have .* or it would match every refusal/],
  [[{ when: { status: undefined }, means: 'dead' }], /would match every refusal/],
  [
    [{ when: { status: 400 }, means: 'dead' }, { when: { status: 400 } }],
    /means of refresh.refusals\[1\].* to be one of/,
  ],
  [[{ when: { status: 400 }, means: 'Dead' }], /means/],
  [[{ means: 'dead' }], /to be \{ when/],
  [[null], /to be \{ when/],
  [[{ when: { descripton: 'x', status: 400 }, means: 'dead' }], /'descripton'/],
  [[{ when: { status: '400' }, means: 'dead' }], /status/],
  [[{ when: { status: 4000 }, means: 'dead' }], /status/],
  [[{ when: { error: '' }, means: 'dead' }], /error/],
  [[{ when: { error: 400 }, means: 'dead' }], /error/],
  [[{ when: { description: '' }, means: 'dead' }], /description/],
  [[{ when: { description: 5 }, means: 'dead' }], /description/],
  [[{ when: { body: [] }, means: 'dead' }], /body/],
  [[{ when: { body: {} }, means: 'dead' }], /body/],
  [[{ when: { body: { a: /x/ } }, means: 'dead' }], /body/],
  [[{ when: { body: { a: undefined } }, means: 'dead' }], /body/],
  [[{ when: { body: { a: [() => 1] } }, means: 'dead' }], /body/],
])('%j is refused when the client is made', (refusals, message) => {
  const make = () => makeClient(scripted({}).fetch, {}, { refresh: { refusals: refusals as never } })
  expect(make).toThrow(ConfigError)
  expect(make).toThrow(message)
})

test('deadGrantErrors that can’t be right are refused when the client is made', () => {
  for (const deadGrantErrors of ['invalid', [20026], ['']])
    expect(() =>
      makeClient(scripted({}).fetch, {}, { refresh: { deadGrantErrors: deadGrantErrors as never } }),
    ).toThrow(/deadGrantErrors/)
})
