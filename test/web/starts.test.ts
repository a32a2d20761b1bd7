import { expect, test } from 'vitest'
import { codeOf, linksOf, location, PROGRAM, world } from './setup.ts'

test.each([
  ['another site', { site: 'cross-site' }],
  ['a subdomain of another user', { site: 'same-site' }],
  ['another site, in an old browser', { headers: { referer: 'https://evil.example/' } }],
])('a start from %s needs a click here', async (_, init: { site?: string; headers?: Record<string, string> }) => {
  const { headers = {}, site } = init
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  const connect = handler()
  const request = alice.request('/connect/acme?return_to=/next&go=1', { headers, ...(site !== undefined && { site }) })
  if (site === undefined) request.headers.delete('sec-fetch-site')
  const response = await connect(request)
  expect([response.status, await codeOf(response), response.headers.getSetCookie()]).toEqual([200, 'continue', []])
  const links = await linksOf(response)
  expect(links).toEqual({ 'Connect Acme': '/connect/acme?return_to=%2Fnext&go=1', Back: '/' })
  expect(location(await alice.open(links['Connect Acme']!))).toContain('https://provider.example/authorize')
})

test('an address that was typed or followed from a mail program starts at once', async () => {
  const { browser, handler } = world()
  expect(location(await browser(handler(), 'alice').open('/connect/acme', { site: 'none' }))).toContain('/authorize')
})

test('the third start within 15 s needs a click, so that no circle runs on', async () => {
  const { browser, clock, handler } = world()
  const alice = browser(handler(), 'alice')
  await alice.callback(await alice.login())
  await alice.callback(await alice.login())
  const third = await alice.open('/connect/acme?return_to=/next')
  expect([third.status, await codeOf(third)]).toEqual([200, 'continue'])
  location(await alice.open((await linksOf(third))['Connect Acme']!))
  await clock.advance(16_000)
  location(await alice.open('/connect/acme'))
})

test.each([
  ['prefetch', { 'sec-purpose': 'prefetch' }],
  ['prerender', { 'sec-purpose': 'prefetch;prerender' }],
  ['link', { purpose: 'prefetch', 'sec-fetch-mode': 'no-cors' }],
  ['old Firefox', { 'x-moz': 'prefetch' }],
  ['preview', { 'x-purpose': 'preview' }],
])('a start in advance (%s) begins nothing', async (_, headers) => {
  const { browser, handler, provider } = world()
  const response = await browser(handler(), 'alice').open('/connect/acme', { headers })
  expect([response.status, response.headers.getSetCookie()]).toEqual([503, []])
  expect(provider.requests).toHaveLength(0)
})

test.each([
  ['fetch', PROGRAM],
  ['a router in advance', { ...PROGRAM, purpose: 'prefetch', 'next-router-prefetch': '1' }],
  ['a program', { accept: '*/*', 'sec-fetch-mode': '' }],
])('a start by %s gets the address to navigate to', async (_, headers) => {
  const { browser, handler } = world()
  const connect = handler()
  const request = browser(connect, 'alice').request('/connect/acme?return_to=/next&_rsc=x', { headers })
  if (headers['sec-fetch-mode'] === '') request.headers.delete('sec-fetch-mode')
  const response = await connect(request)
  expect([response.status, response.headers.getSetCookie()]).toEqual([409, []])
  expect(await response.json()).toEqual({
    error: 'navigate',
    message: expect.any(String) as string,
    connect: '/connect/acme?return_to=%2Fnext',
  })
})

test.each([
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '/.//evil.example',
  '/\t/evil.example',
  'javascript:alert(1)',
  `/${'x'.repeat(3000)}`,
])('a way back to %s is refused', async (returnTo) => {
  const { browser, handler } = world()
  const path = `/connect/acme?${new URLSearchParams({ return_to: returnTo }).toString()}`
  const response = await browser(handler(), 'alice').open(path)
  expect([response.status, await codeOf(response)]).toEqual([400, 'invalid_return_to'])
  expect(response.headers.getSetCookie()).toEqual([])
})

test('a way back keeps its depth, its query and its letters', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  const path = `/connect/acme?${new URLSearchParams({ return_to: '/a/b/ü?q=ä&r=https://x.example/' }).toString()}`
  expect(location(await alice.callback(await alice.login(path)))).toBe('/a/b/%C3%BC?q=%C3%A4&r=https://x.example/')
})

test('only the allowed scope can be requested', async () => {
  const { browser, handler } = world()
  const alice = browser(handler({ scopes: { acme: ['write'] } }), 'alice')
  const response = await alice.open('/connect/acme?scope=write%20admin')
  expect([response.status, await codeOf(response)]).toEqual([400, 'invalid_scope'])
  const url = new URL(location(await alice.open('/connect/acme?scope=write')))
  expect(url.searchParams.get('scope')).toBe('read write')
})

test.each([
  ['a path', '/login', '/login?return_to=%2Fconnect%2Facme%3Freturn_to%3D%252Fnext'],
  ['a path with a query', '/login?tab=1', '/login?tab=1&return_to=%2Fconnect%2Facme%3Freturn_to%3D%252Fnext'],
  ['a function', (back: string) => `/in#${back}`, '/in#/connect/acme?return_to=%2Fnext'],
])('without a user, the start leads to the login page of the application: %s', async (_, logIn, expected) => {
  const { browser, handler } = world()
  expect(location(await browser(handler({ logIn })).open('/connect/acme?return_to=/next'))).toBe(expected)
})

test('without a user and a login page, the start is refused', async () => {
  const { browser, handler } = world()
  const response = await browser(handler()).open('/connect/acme')
  expect([response.status, await codeOf(response)]).toEqual([401, 'not_logged_in'])
})

test.each([
  '/connect/unknown',
  '/connect/acme/other',
  '/connect/acme/callback/x',
  '/connect/unknown/callback',
  '/connect/%FF',
])('%s is not found', async (path) => {
  const { browser, handler } = world()
  const response = await browser(handler(), 'alice').open(path)
  expect([response.status, await codeOf(response)]).toEqual([404, 'not_found'])
})

test.each([
  ['HEAD', '/connect/acme', 'GET'],
  ['HEAD', '/connect/acme/callback?code=c&state=s', 'GET, POST'],
  ['PUT', '/connect/acme', 'GET'],
  ['POST', '/connect/acme', 'GET'],
  ['GET', '/connect/acme/disconnect', 'POST'],
  ['POST', '/connect', 'GET'],
])('%s %s is not allowed', async (method, path, allow) => {
  const { browser, handler, provider } = world()
  const response = await browser(handler(), 'alice').open(path, { method })
  expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  expect(provider.requests).toHaveLength(0)
})

test('a HEAD request for a callback spends no code', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login()
  expect((await alice.callback(url, { method: 'HEAD' })).status).toBe(405)
  expect(provider.tokenRequests).toHaveLength(0)
  location(await alice.callback(url))
})

test('on a developer’s machine, 127.0.0.1 leads to the name of the redirect URI', async () => {
  const { browser, handler } = world({ origin: 'http://localhost:3000' })
  const alice = browser(handler(), 'alice')
  const there = await alice.open('http://127.0.0.1:3000/connect/acme?return_to=/next')
  expect(location(there)).toBe('http://localhost:3000/connect/acme?return_to=/next')
  expect(location(await alice.open('http://127.0.0.1:8080/connect/acme'))).toContain('https://provider.example/')
  const { browser: other, handler: deployed } = world()
  expect(location(await other(deployed(), 'alice').open('http://10.0.0.7/connect/acme'))).toContain('/authorize')
})

test('more authorization parameters are sent', async () => {
  const { browser, handler } = world()
  const alice = browser(handler({ params: { acme: { hd: 'example.com' } } }), 'alice')
  expect(new URL(location(await alice.open('/connect/acme'))).searchParams.get('hd')).toBe('example.com')
})

test('a ConfigError of the application is not shown to its users', async () => {
  const { browser, handler, logs } = world()
  await expect(browser(handler({ subject: () => '' })).open('/connect/acme')).rejects.toThrow("a user id, got ''")
  expect(logs.filter(({ level }) => level === 'error')).toHaveLength(1)
})
