import { expect, test } from 'vitest'
import type { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { codeOf, linksOf, location, PROGRAM, world } from './setup.ts'
import { wrapStore } from '../refresh/setup.ts'

test('a program gets the connections as JSON, without a secret', async () => {
  const { browser, clock, client, handler, store } = world()
  const grants = new Grants({ clients: { acme: client, other_one: client }, store, clock })
  const connect = handler({}, grants)
  const alice = browser(connect, 'alice')
  await alice.callback(await alice.login())
  const response = await alice.open('/connect', { headers: PROGRAM })
  expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store'])
  const text = await response.text()
  expect(JSON.parse(text)).toEqual({
    connections: [
      {
        client: 'acme',
        label: 'Acme',
        account: '',
        state: 'active',
        renewable: true,
        expiresAt: clock.now() + 3_600_000,
        scope: ['read'],
        createdAt: clock.now(),
        connect: '/connect/acme',
        disconnect: '/connect/acme/disconnect',
      },
      {
        client: 'other_one',
        label: 'Acme',
        account: '',
        state: 'not_connected',
        renewable: false,
        connect: '/connect/other_one',
      },
    ],
  })
  const session = grants.session('acme', 'alice')
  expect(text).not.toContain(await session.accessToken())
})

test('a grant that ended and several accounts are shown, each with its own address', async () => {
  const { browser, clock, grants, handler } = world()
  const connect = handler({ labels: { acme: 'Acme Files' } })
  await grants.save('acme', 'alice', { access_token: 'at', expires_in: 1 }, { account: 'a' })
  await grants.save('acme', 'alice', { access_token: 'at', refresh_token: 'rt' }, { account: 'b' })
  await grants.save('acme', 'bob', { access_token: 'at' })
  await clock.advance(2000)
  await grants
    .session('acme', 'alice', { account: 'a' })
    .accessToken()
    .catch(() => undefined)
  const response = await browser(connect, 'alice').open('/connect', { headers: PROGRAM })
  expect(await response.json()).toMatchObject({
    connections: [
      {
        account: 'a',
        label: 'Acme Files',
        state: 'reauthorization_required',
        reason: 'no_refresh_token',
        connect: '/connect/acme?account=a',
      },
      { account: 'b', state: 'active' },
    ],
  })
})

test('a browser gets a page of the same with links and buttons', async () => {
  const { browser, handler } = world()
  const connect = handler()
  const alice = browser(connect, 'alice')
  const before = await alice.open('/connect')
  expect([before.status, await codeOf(before)]).toEqual([200, 'connections'])
  const { 'Connect Acme': start } = await linksOf(before)
  expect(start).toBe('/connect/acme?return_to=%2Fconnect')
  expect(location(await alice.callback(await alice.login(start)))).toBe('/connect')
  const html = await (await alice.open('/connect')).text()
  expect(html).toContain('<form method="post" action="/connect/acme/disconnect">')
  expect(html).toMatch(/<button>Disconnect<\/button>/)
})

test('with several accounts, the page offers to connect another one', async () => {
  const { browser, grants, handler } = world()
  for (const account of ['a', 'b'])
    await grants.save('acme', 'alice', { access_token: 'at', refresh_token: 'rt' }, { account })
  const html = await (await browser(handler({ account: ({ sub }) => sub }), 'alice').open('/connect')).text()
  expect(html.match(/Connect another account/g)).toHaveLength(1)
  expect(html.indexOf('Acme (b)')).toBeLessThan(html.indexOf('Connect another account'))
  const { 'Connect another account': href } = await linksOf(new Response(html))
  expect(href).toBe('/connect/acme?return_to=%2Fconnect')
})

test('without a user, a browser is led to the login page, and others get 401', async () => {
  const { browser, handler } = world()
  const connect = handler({ logIn: '/login' })
  expect(location(await browser(connect).open('/connect'))).toBe('/login?return_to=%2Fconnect')
  const response = await browser(connect).open('/connect', { headers: PROGRAM })
  expect([response.status, await response.json()]).toMatchObject([401, { error: 'not_logged_in' }])
  expect((await browser(handler()).open('/connect')).status).toBe(401)
})

test('clients of a resolver are shown if they have a grant and are still known', async () => {
  const { browser, client, clock, handler, store } = world()
  const known = new Set(['acme', 'gone'])
  const resolver = (name: string): OAuth2Client | undefined => (known.has(name) ? client : undefined)
  const grants = new Grants({ clients: resolver, store, clock })
  await grants.save('acme', 'alice', { access_token: 'at' })
  await grants.save('gone', 'alice', { access_token: 'at' })
  known.delete('gone')
  const connect = handler({ publicUrl: 'https://app.example' }, grants)
  const response = await browser(connect, 'alice').open('/connect', { headers: PROGRAM })
  const { connections } = (await response.json()) as { connections: { client: string }[] }
  expect(connections.map((each) => each.client)).toEqual(['acme'])
  const other = await browser(connect, 'alice').open('/connect/gone')
  expect([other.status, await codeOf(other)]).toEqual([404, 'not_found'])
  expect((await browser(connect, 'alice').open(`/connect/${'x'.repeat(500)}`)).status).toBe(404)
  location(await browser(connect, 'alice').open('/connect/acme'))
})

test('a store that is down is said', async () => {
  const down = (): never => {
    throw new Error('down')
  }
  const { browser, handler } = world({
    store: (memory) => ({ ...wrapStore(memory), read: down, list: down, page: down }),
  })
  expect((await browser(handler(), 'alice').open('/connect')).status).toBe(503)
})

test('the script for windows may be cached', async () => {
  const { browser, handler } = world()
  const response = await browser(handler()).open('/connect/connect.js', { headers: PROGRAM })
  expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  expect(response.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
  expect(await response.text()).toContain('export')
})
