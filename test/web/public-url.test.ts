import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { connectHandler } from '../../src/web/index.ts'
import { codeOf, location, PROGRAM, world } from './setup.ts'

const client = (redirectUri?: string) =>
  new OAuth2Client({
    provider: {
      name: 'p',
      server: { authorization_endpoint: 'https://p.example/a', token_endpoint: 'https://p.example/t' },
    },
    clientId: 'id',
    clientAuth: 'none',
    redirectUri,
  })
const grantsOf = (...uris: (string | undefined)[]) =>
  new Grants({ clients: Object.fromEntries(uris.map((uri, n) => [`c${n}`, client(uri)])) })
const subject = () => 'alice'

test('behind a proxy that removes a prefix and renames the host, browsers see their own addresses', async () => {
  const { browser, handler, provider } = world({
    client: { redirectUri: 'https://app.example/shop/connect/acme/callback' },
  })
  const connect = handler()
  const alice = browser(connect, 'alice')
  const inside = (path: string) =>
    `http://10.0.0.7:8080${path.replace(/^https:\/\/app\.example/, '').replace(/^\/shop/, '')}`
  const { response } = await connect.session(alice.request(inside('/shop/a?b=c')), 'acme')
  const start = location(response!)
  expect(start).toBe('/shop/connect/acme?return_to=%2Fshop%2Fa%3Fb%3Dc')
  const { response: other } = await connect.session(alice.request('http://10.0.0.7:8080/shopping'), 'acme')
  expect(location(other!)).toBe('/shop/connect/acme?return_to=%2Fshop%2Fshopping')
  const callback = provider.login(location(await alice.open(inside(start))))
  expect(callback).toContain('https://app.example/shop/connect/acme/callback?')
  expect(location(await alice.callback(inside(callback)))).toBe('/shop/a?b=c')
  expect(await (await alice.open(inside('/connect'), { headers: PROGRAM })).json()).toMatchObject({
    connections: [{ connect: '/shop/connect/acme', disconnect: '/shop/connect/acme/disconnect' }],
  })
  const headers = { 'x-forwarded-host': 'evil.example', 'sec-fetch-site': '' }
  expect(await codeOf(await alice.open(inside('/connect/x'), { headers }))).toBe('not_found')
})

test('behind one that keeps the prefix, the same routes are found', async () => {
  const { browser, handler } = world({ client: { redirectUri: 'https://app.example/shop/connect/acme/callback' } })
  const connect = handler()
  expect(connect.paths).toEqual(['/connect', '/shop/connect'])
  const alice = browser(connect, 'alice')
  expect(location(await alice.callback(await alice.login('/shop/connect/acme?return_to=/shop/a')))).toBe('/shop/a')
  expect(location(await alice.callback(await alice.login('/shop/connect/acme/')))).toBe('/shop/')
})

test('matches() knows what belongs here', () => {
  const connect = connectHandler(grantsOf('https://app.example/x/connect/c0/callback', 'https://app.example/x/auth'), {
    subject,
  })
  const matches = (path: string) => connect.matches(new Request(`http://localhost${path}`))
  const inside = [
    '/connect',
    '/connect/',
    '/connect/c0',
    '/x/connect/c0/callback',
    '/connect/a/b/c',
    '/auth',
    '/x/auth',
  ]
  expect(inside.filter((path) => !matches(path))).toEqual([])
  expect(['/', '/connected', '/x', '/auth/x', '/y/connect'].filter(matches)).toEqual([])
  expect(connect.paths).toEqual(['/connect', '/x/connect', '/x/auth', '/auth'])
  expect(connect.base).toBe('/connect')
  expect([connect.GET, connect.POST]).toEqual([connect.GET, connect.GET])
})

test('clients may share one redirect URI', async () => {
  const shared = 'https://app.example/connect/acme/callback'
  const { browser, client: acme, clock, handler, provider, store } = world({ client: { redirectUri: shared } })
  const grants = new Grants({ clients: { acme, twin: acme }, store, clock })
  const connect = handler({}, grants)
  const alice = browser(connect, 'alice')
  const callback = provider.login(location(await alice.open('/connect/twin?return_to=/next')))
  expect(location(await alice.callback(callback))).toBe('/next')
  expect(await grants.status('twin', 'alice')).toBeDefined()
  expect(await codeOf(await alice.open('/connect/acme/callback?state=x&code=y'))).toBe('state_mismatch')
})

test.each([
  ['no redirect URI of its own', [undefined], {}, 'No client has a redirect URI'],
  [
    'redirect URIs at two places',
    ['https://a.example/connect/c0/callback', 'https://b.example/connect/c1/callback'],
    {},
    'several public URLs',
  ],
  ['http off loopback', ['http://app.example/connect/c0/callback'], {}, 'to be https'],
  ['a wrong public URL', [undefined], { publicUrl: 'app.example' }, 'publicUrl'],
  ['a public URL with a query', [undefined], { publicUrl: 'https://app.example/?a' }, 'publicUrl'],
  ['a wrong base', [undefined], { base: 'connect/' }, 'base'],
])('%s is refused', (_, uris, options, message) => {
  expect(() => connectHandler(grantsOf(...uris), { subject, ...options })).toThrow(message)
})

test.each([
  ['subject', 'alice'],
  ['signIn', true],
  ['connected', {}],
  ['account', 'a'],
  ['page', 1],
  ['logIn', 'https://app.example/login'],
  ['logIn', '//app.example'],
  ['home', 'home'],
  ['offline', 'yes'],
  ['scopes', 'read'],
  ['params', null],
  ['labels', 1],
  ['lang', ''],
  ['css', {}],
  ['texts', 'de'],
  ['popupOrigins', ['*']],
  ['popupOrigins', 'https://a.example'],
])('the option %s cannot be %j', (name, value) => {
  const options = { publicUrl: 'https://app.example', subject, [name]: value } as never
  expect(() => connectHandler(grantsOf(), options)).toThrow(`Expected ${name} of connectHandler() to be`)
})

test('options and grants are required', () => {
  expect(() => connectHandler(grantsOf(), undefined as never)).toThrow('Expected the options')
  expect(() => connectHandler({} as never, { subject })).toThrow('new Grants')
})
