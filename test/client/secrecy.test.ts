import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { ClientAuth } from '../../src/model/client-auth.ts'
import type { Logger } from '../../src/model/logger.ts'
import { beginLogin, json, makeClient, makeIdToken, makeOldToken, rejection, scripted, type Answer } from './setup.ts'

/** Everything secret that these tests put in, none of which may come out. */
const planted = {
  clientSecret: 'planted client+secret/1',
  code: 'planted-code-2',
  accessToken: 'planted-access-token-3',
  refreshToken: 'planted-refresh-token-4',
  newAccessToken: 'planted-new-access-token-5',
  newRefreshToken: 'planted-new-refresh-token-6',
}

const collect = (): { logger: Logger; lines: unknown[] } => {
  const lines: unknown[] = []
  const log = (message: string, fields?: object): void => void lines.push(message, fields)
  return { logger: { debug: log, info: log, warn: log, error: log }, lines }
}

/** The ways in which a developer may print a value. */
const everyView = (value: unknown): string => {
  const views = [inspect(value, { depth: null }), JSON.stringify(value) ?? '', String(value)]
  for (let error = value; error instanceof Error; error = error.cause) {
    views.push(error.message, error.stack ?? '', JSON.stringify(Object.entries(error)))
    if (error instanceof AggregateError) views.push(...error.errors.map((each) => everyView(each)))
  }
  return views.join('\n')
}

const formsOf = (value: string): string[] => [
  value,
  encodeURIComponent(value),
  String(new URLSearchParams({ a: value })).slice(2),
  Buffer.from(value).toString('base64').replaceAll('=', ''),
  Buffer.from(`web:${encodeURIComponent(value)}`).toString('base64'),
  Buffer.from(`web:${value}`).toString('base64'),
]

function expectClean(values: readonly unknown[], more: readonly string[] = []): void {
  const text = values.map(everyView).join('\n')
  expect(text.length).toBeGreaterThan(100)
  for (const secret of [...Object.values(planted), ...more]) {
    for (const form of formsOf(secret)) expect(text).not.toContain(form)
  }
}

/** A server that says everything it was sent, in its error text. */
const echoing =
  (status: number): Answer =>
  (request) =>
    json(
      {
        error: 'weird_error',
        error_description: `got ${String(request.body)} ${decodeURIComponent(String(request.body))} with ${request.headers.get('authorization')}`,
      },
      { status },
    )

const tokens = {
  access_token: planted.newAccessToken,
  refresh_token: planted.newRefreshToken,
  token_type: 'Bearer',
  expires_in: 60,
}

const faults: Record<string, Answer> = {
  'a refusal that repeats the request': echoing(400),
  'a success that is an error': echoing(200),
  'a server error that repeats the request': echoing(500),
  'a network error that names everything': (request) => {
    const sent = `${String(request.body)} ${request.headers.get('authorization')}`
    const cause = new AggregateError([new Error(`sent ${sent}`)], decodeURIComponent(sent))
    throw Object.assign(new TypeError(`fetch failed for ${sent}`, { cause }), { request: { body: sent } })
  },
  'a token type that is not understood': json({ ...tokens, token_type: 'mac' }),
  'an access token that is missing': json({ ...tokens, access_token: '' }),
  'an ID token that is malformed': json({ ...tokens, id_token: `${planted.newAccessToken}.x.y` }),
  'an ID token of another user': json({ ...tokens, id_token: makeIdToken({ sub: planted.newAccessToken }) }),
  'no JSON at all': new Response(`token=${planted.newAccessToken}`),
  'a good answer': json(tokens),
}

const auths: ClientAuth[] = ['client_secret_basic', 'client_secret_basic_raw', 'client_secret_post']

describe.each(auths)('with %s nothing secret comes out of', (clientAuth) => {
  test.each(Object.entries(faults))('%s', async (_, answer) => {
    const { logger, lines } = collect()
    const client = makeClient(scripted(answer).fetch, {
      clientSecret: planted.clientSecret,
      clientAuth,
      logger,
      scope: 'openid',
    })
    const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)
    const { pending } = await beginLogin(client)
    const old = makeOldToken({
      accessToken: planted.accessToken,
      refreshToken: planted.refreshToken,
      idToken: makeIdToken(),
    })
    const found = [
      await outcome(client.exchangeCode(`?code=${planted.code}&state=${pending.state}`, pending)),
      await outcome(client.refresh(old)),
      await outcome(client.revoke(old)),
      await outcome(client.introspect(old)),
      await outcome(client.clientCredentials()),
      await outcome(client.userInfo(old)),
    ].filter((each) => each instanceof Error)
    expect(lines.length).toBeGreaterThanOrEqual(6)
    expectClean([...found, ...lines, client], [pending.state, pending.codeVerifier!, pending.nonce!])
    // The tokens that an error carries are there for who asks for them by name, and show nothing either.
    for (const error of found) if ('token' in error) expect(inspect(error.token)).not.toContain('planted')
  })
})

test('an assertion that a function made, and what a user info endpoint repeats, stay inside', async () => {
  const { logger, lines } = collect()
  const clientAuth: ClientAuth = ({ body }) => body.set('client_assertion', planted.clientSecret)
  const client = makeClient(scripted(echoing(400)).fetch, { clientSecret: undefined, clientAuth, logger })
  const challenge = {
    status: 401,
    headers: { 'www-authenticate': `Bearer error="x", error_description="${planted.accessToken}"` },
  }
  const other = makeClient(scripted(challenge).fetch, { logger })
  expectClean([
    await rejection(client.refresh(makeOldToken({ refreshToken: planted.refreshToken }))),
    await rejection(other.userInfo(makeOldToken({ accessToken: planted.accessToken }))),
    ...lines,
  ])
})

test('a callback error that repeats the login’s secrets doesn’t show them', async () => {
  const client = makeClient(scripted().fetch)
  const pending = await client.authorizationRequest({ scope: 'openid' })
  const query = new URLSearchParams({
    error: 'server_error',
    error_description: `${pending.state} ${pending.codeVerifier} ${pending.nonce} client-secret-value`,
    state: pending.state,
  })
  const view = everyView(await rejection(client.exchangeCode(query, pending)))
  for (const secret of [pending.state, pending.codeVerifier!, pending.nonce!, 'client-secret-value'])
    expect(view).not.toContain(secret)
})

test('the log says what was asked, of whom, how it ended and how long it took', async () => {
  const { logger, lines } = collect()
  let now = 0
  const clock = { now: () => 0, monotonic: () => (now += 5) }
  await makeClient(scripted({ body: tokens }).fetch, { logger, clock }).refresh(makeOldToken())
  expect(lines).toEqual([
    'token request (refresh_token) answered',
    {
      client: 'acme',
      request: 'token request (refresh_token)',
      url: 'https://as.example/token',
      status: 200,
      durationMs: 5,
    },
  ])
})

test('a secret that is an ordinary word doesn’t change what a refusal means', async () => {
  const { fetch } = scripted({ status: 400, body: { error: 'invalid_grant' } })
  const error = await rejection(makeClient(fetch, { clientSecret: 'grant' }).refresh(makeOldToken()))
  expect(error).toMatchObject({ error: 'invalid_grant', retryable: false })
})
