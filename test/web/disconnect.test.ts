import { expect, test } from 'vitest'
import { codeOf, location, PROGRAM, world } from './setup.ts'
import { wrapStore } from '../refresh/setup.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function connected() {
  const all = world()
  const connect = all.handler()
  const alice = all.browser(connect, 'alice')
  await alice.callback(await alice.login())
  return { ...all, alice, connect }
}

test('the page’s own button disconnects and leads back', async () => {
  const { alice, grants } = await connected()
  const body = new URLSearchParams({ return_to: '/settings' })
  const response = await alice.open('/connect/acme/disconnect', { method: 'POST', body, headers: FORM })
  expect(location(response)).toBe('/settings')
  expect(await grants.status('acme', 'alice')).toBeUndefined()
  // A second click finds nothing to do.
  expect(location(await alice.open('/connect/acme/disconnect', { method: 'POST' }))).toBe('/')
})

test('a fetch disconnects and gets no content', async () => {
  const { alice, grants } = await connected()
  const response = await alice.open('/connect/acme/disconnect', { method: 'POST', headers: PROGRAM })
  expect([response.status, response.headers.get('cache-control')]).toEqual([204, 'no-store'])
  expect(await grants.status('acme', 'alice')).toBeUndefined()
})

test.each([
  ['a form of another site', { site: 'cross-site', headers: { origin: 'https://evil.example' } }],
  ['a form of a subdomain', { site: 'same-site', headers: { origin: 'https://x.app.example' } }],
  ['a request without any header', { site: '', headers: {} }],
  ['a request of no origin', { site: '', headers: { origin: 'null' } }],
])('%s cannot disconnect', async (_, { headers, site }) => {
  const { alice, connect, grants } = await connected()
  const request = alice.request('/connect/acme/disconnect', {
    method: 'POST',
    site,
    headers: headers as Record<string, string>,
  })
  if (site === '') request.headers.delete('sec-fetch-site')
  const response = await connect(request)
  expect([response.status, await codeOf(response)]).toEqual([403, 'cross_site'])
  expect(await grants.status('acme', 'alice')).toBeDefined()
})

test('an old browser is known by the origin', async () => {
  const { alice, connect } = await connected()
  const request = alice.request('/connect/acme/disconnect', {
    method: 'POST',
    headers: { origin: 'https://app.example' },
  })
  request.headers.delete('sec-fetch-site')
  expect((await connect(request)).status).toBe(303)
})

test('without a user nothing is disconnected', async () => {
  const { browser, connect } = await connected()
  const response = await browser(connect).open('/connect/acme/disconnect', { method: 'POST', headers: PROGRAM })
  expect(response.status).toBe(401)
  expect(await response.json()).toMatchObject({ error: 'not_logged_in' })
})

test.each([
  [FORM, 'account=work'],
  [{ 'content-type': 'application/json' }, '{"account":"work"}'],
])('the account is read from the body', async (headers, body) => {
  const { alice, grants } = await connected()
  await grants.save('acme', 'alice', { access_token: 'at', refresh_token: 'rt' }, { account: 'work' })
  const response = await alice.open('/connect/acme/disconnect', {
    method: 'POST',
    headers: { ...PROGRAM, ...headers },
    body,
  })
  expect(response.status).toBe(204)
  expect(await grants.status('acme', 'alice', { account: 'work' })).toBeUndefined()
  expect(await grants.status('acme', 'alice')).toBeDefined()
})

test('a body that cannot be read disconnects nothing', async () => {
  const { alice, grants } = await connected()
  for (const [type, body] of [
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/json', '{'],
    ['application/json', '1'],
    [FORM['content-type'], `account=${'x'.repeat(70_000)}`],
  ] as const) {
    const headers = { 'content-type': type }
    expect((await alice.open('/connect/acme/disconnect', { method: 'POST', headers, body })).status).toBe(415)
  }
  expect(await grants.status('acme', 'alice')).toBeDefined()
})

test('a way back to another site is refused', async () => {
  const { alice, grants } = await connected()
  const body = 'return_to=https://evil.example'
  const response = await alice.open('/connect/acme/disconnect', { method: 'POST', headers: FORM, body })
  expect([response.status, await codeOf(response)]).toEqual([400, 'invalid_return_to'])
  expect(await grants.status('acme', 'alice')).toBeDefined()
})

test('a store that is down is said', async () => {
  const { browser, handler } = world({
    store: (memory) => ({
      ...wrapStore(memory),
      read: () => Promise.reject(new Error('down')),
      delete: () => Promise.reject(new Error('down')),
    }),
  })
  const response = await browser(handler(), 'alice').open('/connect/acme/disconnect', { method: 'POST' })
  expect([response.status, await codeOf(response)]).toEqual([503, 'store_error'])
})
