import { expect, test } from 'vitest'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { codeOf, linksOf, location, world } from './setup.ts'

test('a login leads back to the page that needed it, and its event is emitted', async () => {
  const { browser, grants, handler, provider } = world()
  const connected: unknown[] = []
  grants.on('connected', ({ key }) => void connected.push(key))
  const alice = browser(handler(), 'alice')
  const start = await alice.open('/connect/acme?return_to=%2Freports%3Fyear%3D2026%23q2&_rsc=1')
  const url = new URL(location(start))
  expect(url.origin + url.pathname).toBe('https://provider.example/authorize')
  expect(url.searchParams.has('_rsc')).toBe(false)
  expect(start.headers.get('cache-control')).toBe('no-store')
  const done = await alice.callback(provider.login(url.href))
  expect(location(done)).toBe('/reports?year=2026#q2')
  expect(connected).toEqual([{ client: 'acme', subject: 'alice', account: '' }])
  expect(await grants.status('acme', 'alice')).toMatchObject({ state: 'active', scope: ['read'] })
})

test('a login without a way back leads to home', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  expect(location(await alice.callback(await alice.login()))).toBe('/')
  const bob = browser(handler({ home: '/start' }), 'bob')
  expect(location(await bob.callback(await bob.login()))).toBe('/start')
})

test('two tabs that begin at once both finish', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const [one, two] = await Promise.all([
    alice.login('/connect/acme?return_to=/1'),
    alice.login('/connect/acme?return_to=/2'),
  ])
  expect(location(await alice.callback(two))).toBe('/2')
  expect(location(await alice.callback(one))).toBe('/1')
  expect(provider.tokenRequests).toHaveLength(2)
})

test('a double click sends one code, and both responses lead on', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  const both = await Promise.all([alice.callback(url), alice.callback(url)])
  expect(both.map(location)).toEqual(['/next', '/next'])
  expect(provider.tokenRequests).toHaveLength(1)
})

test('a double click at two processes sends one code, and both responses lead on', async () => {
  const { browser, clock, grants, handler, process, provider } = world({
    grants: { keys: keyRing(`k:${generateKey()}`) },
  })
  const here = browser(handler({}, grants), 'alice')
  const there = browser(handler({}, process()), 'alice')
  const url = await here.login('/connect/acme?return_to=/next')
  for (const [name, cookie] of here.cookies) there.cookies.set(name, cookie)
  const both = Promise.all([here.callback(url), there.callback(url)])
  await clock.advance(1000)
  expect((await both).map(location)).toEqual(['/next', '/next'])
  expect(provider.tokenRequests).toHaveLength(1)
})

test('in another process, a login that failed was already used', async () => {
  const { browser, clock, grants, handler, process, provider } = world({
    grants: { keys: keyRing(`k:${generateKey()}`) },
  })
  const here = browser(handler({}, grants), 'alice')
  const there = browser(handler({}, process()), 'alice')
  provider.script({ status: 400, body: { error: 'invalid_grant' } })
  const url = await here.login()
  for (const [name, cookie] of here.cookies) there.cookies.set(name, cookie)
  expect((await here.callback(url)).status).toBe(502)
  const second = there.callback(url)
  await clock.advance(11_000)
  expect([(await second).status, await codeOf(await second)]).toEqual([400, 'already_used'])
  expect(Object.keys(await linksOf(await second))).toContain('Connect Acme')
})

test('a reload, and Back and "Allow" again, send no second code', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const start = location(await alice.open('/connect/acme?return_to=/next'))
  const url = provider.login(start)
  await alice.callback(url)
  expect(location(await alice.callback(url))).toBe('/next')
  expect(location(await alice.callback(provider.login(start)))).toBe('/next')
  expect(provider.tokenRequests).toHaveLength(1)
})

test('a reload of a failed login shows the same page', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  provider.script({ status: 400, body: { error: 'invalid_grant' } })
  const url = await alice.login()
  const first = await alice.callback(url)
  expect([first.status, await codeOf(first)]).toEqual([502, 'failed'])
  const second = await alice.callback(url)
  expect([second.status, await codeOf(second)]).toEqual([502, 'failed'])
  expect(provider.tokenRequests).toHaveLength(1)
})

test('the callback of another user of the application changes nothing', async () => {
  const { browser, grants, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login()
  alice.cookies.set('user', { value: 'bob', until: Infinity })
  const response = await alice.callback(url)
  expect([response.status, await codeOf(response)]).toEqual([400, 'wrong_subject'])
  expect(provider.tokenRequests).toHaveLength(0)
  expect(await grants.status('acme', 'bob')).toBeUndefined()
})

test.each(['GET', 'POST'])('a forwarded callback (%s) connects nothing in another browser', async (method) => {
  const { browser, grants, handler, provider } = world()
  const connect = handler()
  const mallory = browser(connect, 'mallory')
  const alice = browser(connect, 'alice')
  const url = new URL(await mallory.login())
  const send = (again: string) =>
    method === 'GET'
      ? alice.callback(url.href)
      : alice.callback(`${url.pathname}${again}`, { method, body: url.searchParams })
  if (method === 'POST') expect(await codeOf(await send(''))).toBe('finish')
  const response = await send('?finish=1')
  expect([response.status, await codeOf(response)]).toEqual([400, 'state_mismatch'])
  expect(Object.keys(await linksOf(response))).toEqual(['Connect Acme', 'Back'])
  expect(provider.tokenRequests).toHaveLength(0)
  expect(await grants.status('acme', 'alice')).toBeUndefined()
})

test('a user who declined may connect again or go back', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = new URL(await alice.login('/connect/acme?return_to=/next'))
  url.searchParams.delete('code')
  url.searchParams.set('error', 'access_denied')
  const response = await alice.callback(url.href)
  expect([response.status, await codeOf(response)]).toEqual([403, 'access_denied'])
  const links = await linksOf(response)
  expect(links).toEqual({ 'Connect Acme': '/connect/acme?return_to=%2Fnext', Back: '/' })
  expect(location(await alice.callback(await alice.login(links['Connect Acme'])))).toBe('/next')
  expect(provider.tokenRequests).toHaveLength(1)
})

test('another error of the provider shows its text, escaped', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  const url = new URL(await alice.login())
  url.searchParams.set('error', 'invalid_scope')
  url.searchParams.set('error_description', '<b>no</b>')
  const response = await alice.callback(url.href)
  expect([response.status, await codeOf(response)]).toEqual([502, 'authorization_error'])
  expect(await response.text()).toContain('invalid_scope: &lt;b&gt;no&lt;/b&gt;')
})

test('a provider that is down shows a page whose link leads to the end', async () => {
  const { browser, grants, handler, provider } = world({ client: { scope: 'read' } })
  const alice = browser(handler({ scopes: { acme: ['write'] } }), 'alice')
  provider.script({ status: 503, headers: { 'retry-after': '7' } })
  const response = await alice.callback(await alice.login('/connect/acme?return_to=/next&scope=write'))
  expect([response.status, await codeOf(response)]).toEqual([503, 'unavailable'])
  expect(response.headers.get('retry-after')).toBe('7')
  const { 'Connect Acme': again } = await linksOf(response)
  expect(again).toBe('/connect/acme?return_to=%2Fnext&scope=write')
  expect(location(await alice.callback(await alice.login(again)))).toBe('/next')
  expect((await grants.status('acme', 'alice'))?.scope).toEqual(['read', 'write'])
})

test('a provider whose metadata cannot be loaded shows the same page at the start', async () => {
  const { browser, handler } = world({ provider: { server: 'https://provider.example/nothing' } })
  const response = await browser(handler(), 'alice').open('/connect/acme?return_to=/next')
  expect(response.status).toBeGreaterThanOrEqual(502)
  expect((await linksOf(response))['Connect Acme']).toBe('/connect/acme?return_to=%2Fnext')
})

test('a login of more than fifteen minutes has expired', async () => {
  const { browser, clock, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login()
  for (const [name, { value }] of alice.cookies) alice.cookies.set(name, { value, until: Infinity })
  await clock.advance(901_000)
  const response = await alice.callback(url)
  expect([response.status, await codeOf(response)]).toEqual([400, 'expired_login'])
  expect(provider.tokenRequests).toHaveLength(0)
})

test('a callback without a code, or for another provider, is refused', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  const url = new URL(await alice.login())
  url.searchParams.set('iss', 'https://other.example')
  const response = await alice.callback(url.href)
  expect([response.status, await codeOf(response)]).toEqual([400, 'invalid_callback'])
})
