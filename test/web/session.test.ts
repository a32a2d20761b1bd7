import { expect, test } from 'vitest'
import { GrantNotFoundError, ReauthorizationRequiredError, StoreError } from '../../src/model/errors.ts'
import { codeOf, location, PROGRAM, world } from './setup.ts'
import { wrapStore } from '../refresh/setup.ts'

const KEY = { client: 'acme', subject: 'alice', account: '' }

test('a page that needs a grant leads through the login back to itself, query included', async () => {
  const { browser, handler, provider } = world()
  const connect = handler()
  const alice = browser(connect, 'alice')
  const first = await connect.session(alice.request('/reports?year=2026&q=a%20b'), 'acme')
  expect(first.session).toBeUndefined()
  const done = await alice.callback(await alice.login(location(first.response!)))
  expect(location(done)).toBe('/reports?year=2026&q=a%20b')
  const second = await connect.session(alice.request(location(done)), 'acme')
  expect(second.response).toBeUndefined()
  expect((await second.session!.fetch(provider.resource)).status).toBe(200)
})

test('a very long page is returned to without its query', async () => {
  const { browser, handler } = world()
  const connect = handler()
  const { response } = await connect.session(browser(connect, 'alice').request(`/reports?${'x'.repeat(3000)}`), 'acme')
  expect(location(response!)).toBe('/connect/acme?return_to=%2Freports')
})

test.each([
  ['a program', 'GET', PROGRAM],
  ['a form', 'POST', {}],
])('%s gets the address of the login', async (_, method, headers) => {
  const { browser, handler } = world()
  const connect = handler()
  const request = browser(connect, 'alice').request('/api', { method, headers })
  const { response } = await connect.session(request, 'acme', { scope: 'read write', account: 'work' })
  expect(response?.status).toBe(401)
  expect(await response?.json()).toEqual({
    error: 'grant_not_found',
    message: 'Connect Acme to continue.',
    connect: '/connect/acme?scope=read+write&account=work',
  })
})

test('without a user, a page leads to the start', async () => {
  const { browser, handler } = world()
  const connect = handler()
  const { response } = await connect.session(browser(connect).request('/reports'), 'acme')
  expect(location(response!)).toBe('/connect/acme?return_to=%2Freports')
  const { response: other } = await connect.session(browser(connect).request('/api', { headers: PROGRAM }), 'acme')
  expect(await other?.json()).toMatchObject({ error: 'not_logged_in' })
})

test('a grant that ended leads through the login and back', async () => {
  const { browser, clock, grants, handler, provider } = world()
  const connect = handler()
  const alice = browser(connect, 'alice')
  await alice.callback(await alice.login())
  const { session } = await connect.session(alice.request('/reports'), 'acme')
  provider.revoke(await session!.accessToken())
  await clock.advance(3_700_000)
  const error = await session!.fetch(provider.resource).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ReauthorizationRequiredError)
  const recovered = await connect.recover(error, alice.request('/reports?year=2026'))
  expect(location(recovered!)).toBe('/connect/acme?return_to=%2Freports%3Fyear%3D2026')
  expect((await grants.status('acme', 'alice'))?.state).toBe('reauthorization_required')
  const { response } = await connect.session(alice.request('/reports'), 'acme')
  location(await alice.callback(await alice.login(location(response!))))
  const again = await connect.session(alice.request('/reports'), 'acme')
  expect((await again.session!.fetch(provider.resource)).status).toBe(200)
})

test('a grant that cannot be refreshed and has expired counts as ended', async () => {
  const { browser, clock, grants, handler } = world()
  const connect = handler()
  const alice = browser(connect, 'alice')
  await grants.save('acme', 'alice', { access_token: 'at', expires_in: 60 })
  expect((await connect.session(alice.request('/'), 'acme')).session).toBeDefined()
  await clock.advance(61_000)
  const { response } = await connect.session(alice.request('/', { headers: PROGRAM }), 'acme')
  expect(await response?.json()).toMatchObject({ error: 'reauthorization_required' })
})

test('a grant that is too narrow leads to a login that keeps the granted scope', async () => {
  const { browser, grants, handler } = world()
  const connect = handler({ scopes: { acme: ['write', 'admin'] } })
  const alice = browser(connect, 'alice')
  await alice.callback(await alice.login('/connect/acme?scope=write'))
  const { response } = await connect.session(alice.request('/admin'), 'acme', { scope: ['admin'] })
  const start = location(response!)
  expect(start).toBe('/connect/acme?return_to=%2Fadmin&scope=admin')
  expect(location(await alice.callback(await alice.login(start)))).toBe('/admin')
  expect((await grants.status('acme', 'alice'))?.scope).toEqual(['read', 'write', 'admin'])
  expect((await connect.session(alice.request('/admin'), 'acme', { scope: 'admin write' })).session).toBeDefined()
})

test('recover() leaves other errors, and those of other users’ grants, to the application', async () => {
  const { browser, handler } = world()
  const connect = handler()
  const request = browser(connect, 'bob').request('/')
  expect(await connect.recover(new Error('other'), request)).toBeUndefined()
  expect(await connect.recover(new StoreError('down'), request)).toBeUndefined()
  expect(await connect.recover(new GrantNotFoundError(KEY), request)).toBeUndefined()
  expect(
    await connect.recover(new GrantNotFoundError({ ...KEY, client: 'gone', subject: 'bob' }), request),
  ).toBeUndefined()
})

test('recover() finds the error in what a client of HTTP made of it', async () => {
  const { browser, handler } = world()
  const connect = handler()
  const wrapped = new Error('fetch failed', { cause: new GrantNotFoundError({ ...KEY, account: 'work' }) })
  const response = await connect.recover(wrapped, browser(connect, 'alice').request('/', { headers: PROGRAM }))
  expect(await response?.json()).toMatchObject({ error: 'grant_not_found', connect: '/connect/acme?account=work' })
})

test('an unknown client and a failing store reject', async () => {
  const { browser, handler } = world({
    store: (memory) => ({ ...wrapStore(memory), read: () => Promise.reject(new Error('down')) }),
  })
  const connect = handler()
  await expect(connect.session(browser(connect, 'alice').request('/'), 'other')).rejects.toThrow(
    "Unknown client 'other'",
  )
  await expect(connect.session(browser(connect, 'alice').request('/'), 'acme')).rejects.toBeInstanceOf(StoreError)
})

test('url() makes links', async () => {
  const { browser, handler } = world({ client: { redirectUri: 'https://app.example/shop/connect/acme/callback' } })
  const connect = handler({ scopes: { acme: ['write'] } })
  const url = connect.url('acme', { returnTo: '/shop/a?b=c', scope: ['read', 'write'], account: 'x y' })
  expect(url).toBe('/shop/connect/acme?return_to=%2Fshop%2Fa%3Fb%3Dc&scope=read+write&account=x+y')
  expect(connect.url('acme')).toBe('/shop/connect/acme')
  location(await browser(connect, 'alice').open(url))
  expect(await codeOf(await browser(connect, 'alice').open('/shop/connect/acme'))).toBeUndefined()
})
