import { expect, test } from 'vitest'
import { coreOf, OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import {
  acme,
  beginLogin,
  issuer,
  json,
  makeClient,
  makeIdToken,
  makeOldToken,
  metadata,
  rejection,
  scripted,
} from './setup.ts'

const granted = { body: { access_token: 'new-access-token', token_type: 'bearer' } }

const lines: unknown[] = []
const note = (...line: unknown[]): void => void lines.push(line)
const logger = { debug: note, info: note, warn: note, error: note }

test('a client under another name is called so in every error and log line', async () => {
  const refusal = { status: 400, body: { error: 'invalid_grant' } }
  const client = makeClient(scripted(refusal).fetch, { logger, redirectUri: undefined, scope: 'openid' })
  const core = coreOf(client).named('calendar')
  expect(core.name).toBe('calendar')
  const begun = await core.authorizationRequest({ redirectUri: 'https://app.example/cb' })
  const at = (query: string): string => `?${query}&state=${begun.state}`
  const other = { ...begun, clientId: 'other' }
  const noSecret = makeClient(scripted(granted).fetch, { clientSecret: () => undefined })
  const down = makeClient(scripted(new Error('down')).fetch, {}, { server: issuer })
  const lost = makeClient(scripted({ status: 404 }).fetch, {}, { server: `${issuer}/metadata.json` })
  const redeem = await core.prepareRedemption(makeOldToken())
  for (const use of [
    core.authorizationRequest(),
    core.exchangeCode(at('error=access_denied'), begun),
    core.exchangeCode(at('code=c'), begun),
    core.exchangeCode(at('code=c'), other),
    core.exchangeUnsolicited('?code=c'),
    core.userInfo(makeOldToken()),
    core.revoke(makeOldToken()),
    redeem(),
    coreOf(noSecret).named('calendar').prepareRedemption(makeOldToken()),
    coreOf(down).named('calendar').prepareRedemption(makeOldToken()),
    coreOf(lost).named('calendar').prepareRedemption(makeOldToken()),
    (async () => core.assertResource(new URL('https://evil.example')))(),
    (async () => core.assertResource(new URL('http://evil.example')))(),
  ]) {
    const { message } = await rejection(Promise.resolve(use))
    expect(message).toContain("'calendar'")
    expect(message).not.toContain("'acme'")
  }
  expect(lines.length).toBeGreaterThan(3)
  expect(JSON.stringify(lines)).not.toContain('acme')
  expect(JSON.stringify(lines)).toContain('"client":"calendar"')
})

test('a client under another name shares what is known and remembered, and leaves the first as it is', async () => {
  const { fetch, requests } = scripted((request) =>
    request.url.includes('.well-known')
      ? json(metadata)
      : request.headers.get('authorization') === `Basic ${btoa('web:new')}`
        ? json(granted.body)
        : json({ error: 'invalid_client' }, { status: 401 }),
  )
  const client = makeClient(fetch, { clientSecret: ['old', 'new'] }, { server: issuer })
  const core = coreOf(client)
  await (
    await core.named('one').prepareRedemption(makeOldToken())
  )()
  await (
    await core.named('two').prepareRedemption(makeOldToken())
  )()
  await client.refresh(makeOldToken())
  // One discovery, and one refused secret.
  expect(requests.map(({ url }) => new URL(url).pathname.split('/').at(-1))).toEqual([
    'oauth-authorization-server',
    'token',
    'token',
    'token',
    'token',
  ])
  expect(core.name).toBe('acme')
  expect(core.named('one')).toBe(core.named('one'))
  expect(core.named('one').knownIssuer).toBe(issuer)
})

const make = (options: Partial<OAuth2ClientOptions>): OAuth2Client =>
  new OAuth2Client({ provider: acme(), clientId: 'web', ...options })

test('a secret that is set at run time may be missing until then', async () => {
  const { fetch, requests, last } = scripted(granted)
  const environment: { secret?: string } = {}
  const client = make({ clientSecret: () => environment.secret, fetch })
  const error = await rejection(client.refresh(makeOldToken()))
  expect(error).toMatchObject({ code: 'config_error' })
  expect(error.message).toMatch(/environment variable/)
  expect(requests).toEqual([])
  environment.secret = 'secret'
  await client.refresh(makeOldToken())
  expect(last().headers.get('authorization')).toBe(`Basic ${btoa('web:secret')}`)
})

test.each([undefined, null, '', 5])(
  'a secret that comes when the program runs is an error when it is %j',
  async (value) => {
    for (const clientSecret of [() => value, async () => value] as never[]) {
      const error = await rejection(make({ clientSecret }).refresh(makeOldToken()))
      expect(error).toMatchObject({ code: 'config_error' })
    }
  },
)

test('a secret function that returns undefined is an error, unless the client needs none', () => {
  for (const provider of [acme(), acme({ clientAuth: 'client_secret_post' })])
    expect(() => make({ provider, clientSecret: undefined })).toThrow(/environment variable/)
  for (const options of [
    {},
    { clientSecret: undefined, clientAuth: 'none' },
    { clientSecret: undefined, clientAuth: () => {} },
    { clientSecret: undefined, provider: acme({ clientAuth: 'none' }) },
  ] as const)
    expect(() => make(options)).not.toThrow()
})

test.each([
  [undefined, 'evergrant'],
  ['my-app/1.0 (+https://app.example)', 'my-app/1.0 (+https://app.example)'],
])('every request to the provider has a User-Agent: with %s, %s', async (userAgent, expected) => {
  const { fetch, requests } = scripted((request) =>
    json(
      request.url.includes('.well-known')
        ? metadata
        : { ...granted.body, active: true, sub: 'user-1', id_token: makeIdToken() },
    ),
  )
  const client = makeClient(fetch, { userAgent }, { server: issuer })
  const { pending, callback } = await beginLogin(client)
  const token = await client.exchangeCode(callback, pending)
  await client.refresh(makeOldToken())
  await client.clientCredentials()
  await client.introspect(token)
  await client.userInfo(token)
  await client.revoke(token)
  expect(requests).toHaveLength(7)
  expect(requests.map(({ headers }) => headers.get('user-agent'))).toEqual(requests.map(() => expected))
})

test('a clientAuth function’s own User-Agent stays', async () => {
  const { fetch, last } = scripted(granted)
  const clientAuth = ({ headers }: { headers: Headers }): void => headers.set('user-agent', 'fixed')
  await makeClient(fetch, { clientAuth, userAgent: 'app' }).refresh(makeOldToken())
  expect(last().headers.get('user-agent')).toBe('fixed')
})
