import { expect, test } from 'vitest'
import { StoreError } from '../../src/model/errors.ts'
import { codeOf, linksOf, location, world } from './setup.ts'
import { wrapStore } from '../refresh/setup.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** The fields that a page of ours posts again. */
async function fieldsOf(response: Response): Promise<{ action: string; fields: Record<string, string> }> {
  const html = await response.text()
  const action = /<form method="post" action="([^"]*)"/.exec(html)?.[1] ?? ''
  const fields = [...html.matchAll(/name="([^"]*)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value])
  return { action, fields: Object.fromEntries(fields) as Record<string, string> }
}

test('without the session’s cookie, a page sends the browser here once more, once only', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler({ logIn: '/login' }), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  const session = alice.cookies.get('user')!
  alice.cookies.delete('user')
  const first = await alice.callback(url)
  expect([first.status, await codeOf(first)]).toEqual([200, 'finish'])
  const again = /content="0;url=([^"]*)"/.exec(await first.text())![1]!.replaceAll('&amp;', '&')
  const repeated = new URL(again, url).href
  const loggedOut = await alice.open(repeated)
  expect([loggedOut.status, await codeOf(loggedOut)]).toEqual([401, 'logged_out'])
  expect((await linksOf(loggedOut))['Log in']).toBe('/login?return_to=%2Fconnect%2Facme%3Freturn_to%3D%252Fnext')
  expect(provider.tokenRequests).toHaveLength(0)
  alice.cookies.set('user', session)
  expect(location(await alice.open(repeated))).toBe('/next')
})

test('so does a repeated callback, whose redirect would otherwise come without the session', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  location(await alice.callback(url))
  alice.cookies.delete('user')
  expect(await codeOf(await alice.callback(url))).toBe('finish')
  expect(location(await alice.callback(`${url}&finish=1`))).toBe('/next')
})

test('form_post at a redirect URI of its own finishes, without the code in any URL', async () => {
  const { browser, handler, provider } = world({ client: { redirectUri: 'https://app.example/auth/back?tenant=1' } })
  const connect = handler({ publicUrl: 'https://app.example' })
  expect(connect.paths).toEqual(['/connect', '/auth/back'])
  const alice = browser(connect, 'alice')
  const url = new URL(await alice.login('/connect/acme?return_to=/next'))
  const cookies = new Map(alice.cookies)
  // A POST from another site comes without cookies that are not `SameSite=None`.
  alice.cookies.clear()
  url.searchParams.delete('tenant')
  const body = url.searchParams
  const first = await alice.open('/auth/back?tenant=1', { method: 'POST', site: 'cross-site', body, headers: FORM })
  expect([first.status, await codeOf(first)]).toEqual([200, 'finish'])
  const { action, fields } = await fieldsOf(first)
  expect(action).not.toContain(body.get('code')!)
  for (const [name, cookie] of cookies) alice.cookies.set(name, cookie)
  const path = new URL(action.replaceAll('&amp;', '&'), 'https://app.example/auth/back').href
  const done = await alice.open(path, { method: 'POST', body: new URLSearchParams(fields), headers: FORM })
  expect(location(done)).toBe('/next')
  expect(provider.tokenRequests).toHaveLength(1)
})

test.each([
  ['a body of another type', { 'content-type': 'application/json' }, '{"state":"x"}'],
  ['a body of more than 64 KB', FORM, `state=${'x'.repeat(70_000)}`],
])('%s is no callback', async (_, headers, body) => {
  const { browser, handler } = world()
  const response = await browser(handler(), 'alice').open('/connect/acme/callback', { method: 'POST', headers, body })
  expect([response.status, await codeOf(response)]).toEqual([400, 'state_mismatch'])
})

test('a login is completed at the path of its own client only', async () => {
  const { browser, grants, handler } = world()
  const connect = handler()
  const alice = browser(connect, 'alice')
  const url = new URL(await alice.login())
  expect(await codeOf(await alice.callback(`/connect/other/callback${url.search}`))).toBe('not_found')
  expect(await grants.status('acme', 'alice')).toBeUndefined()
})

test('the store may be down for two seconds', async () => {
  let isDown = false
  const { browser, clock, handler } = world({
    store: (memory) =>
      wrapStore(memory, (_operation, real) => (isDown ? Promise.reject(new StoreError('down')) : real())),
  })
  const alice = browser(handler(), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  isDown = true
  const response = alice.callback(url)
  await clock.advance(2000)
  isDown = false
  await clock.advance(2000)
  expect(location(await response)).toBe('/next')
})

test('a store that is down for longer is said, and a reload finds what was saved since', async () => {
  let isDown = false
  const { browser, clock, handler, provider } = world({
    store: (memory) =>
      wrapStore(memory, (operation, real) =>
        isDown && operation !== 'once' ? Promise.reject(new StoreError('down')) : real(),
      ),
  })
  const alice = browser(handler(), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  isDown = true
  const response = alice.callback(url)
  await clock.advance(11_000)
  expect([(await response).status, await codeOf(await response)]).toEqual([503, 'store_error'])
  isDown = false
  await clock.advance(5000)
  expect(location(await alice.callback(url))).toBe('/next')
  expect(provider.tokenRequests).toHaveLength(1)
})

const GOOGLE = { offline: { params: { access_type: 'offline' } }, consentParams: { prompt: 'consent' } } as const
const unrenewable = { body: { access_token: 'at', token_type: 'Bearer', expires_in: 3600 } }

test('without a refresh token, the browser goes to the provider once more, with its consent parameter', async () => {
  const { browser, grants, handler, provider } = world({ provider: GOOGLE })
  const alice = browser(handler(), 'alice')
  const start = new URL(location(await alice.open('/connect/acme?return_to=/next')))
  expect(start.searchParams.has('prompt')).toBe(false)
  provider.script(unrenewable)
  const again = location(await alice.callback(provider.login(start.href)))
  expect(new URL(again).searchParams.get('prompt')).toBe('consent')
  expect(location(await alice.callback(provider.login(again)))).toBe('/next')
  expect(await grants.status('acme', 'alice')).toMatchObject({ renewable: true })
})

test('if none comes then either, the login is finished, and a grant that exists is asked for with consent at once', async () => {
  const { browser, clock, grants, handler, logs, provider } = world({ provider: GOOGLE })
  const renewable: boolean[] = []
  grants.on('connected', (event) => void renewable.push(event.renewable))
  const alice = browser(handler(), 'alice')
  provider.script(unrenewable, unrenewable)
  const again = location(await alice.callback(await alice.login('/connect/acme?return_to=/next')))
  expect(location(await alice.callback(provider.login(again)))).toBe('/next')
  expect(renewable).toEqual([false, false])
  expect(logs.filter(({ message }) => message.includes('no refresh token'))).not.toEqual([])
  await clock.advance(20_000)
  expect(new URL(location(await alice.open('/connect/acme'))).searchParams.get('prompt')).toBe('consent')
})

test('after a form, a page leads to the provider: browsers would stop the redirect', async () => {
  const { browser, handler, provider } = world({ provider: GOOGLE })
  const alice = browser(handler(), 'alice')
  provider.script(unrenewable)
  const url = new URL(await alice.login())
  const body = url.searchParams
  const response = await alice.open('/connect/acme/callback?finish=1', { method: 'POST', body, headers: FORM })
  expect(await codeOf(response)).toBe('finish')
  expect(await response.text()).toContain('content="0;url=https://provider.example/authorize?')
  expect(alice.logins).toHaveLength(2)
})

test('if the second login cannot be started, the first one is finished', async () => {
  let isDown = false
  const { browser, grants, handler, provider } = world({
    provider: GOOGLE,
    store: (memory) =>
      wrapStore(memory, (_operation, real) => (isDown ? Promise.reject(new StoreError('down')) : real())),
  })
  grants.on('connected', () => void (isDown = true))
  const alice = browser(handler(), 'alice')
  provider.script(unrenewable)
  expect(location(await alice.callback(await alice.login('/connect/acme?return_to=/next')))).toBe('/next')
})

test('a provider without a consent parameter is asked once', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  provider.script(unrenewable)
  expect(location(await alice.callback(await alice.login('/connect/acme?return_to=/next')))).toBe('/next')
})

test('offline access can be left out', async () => {
  const { browser, handler } = world({ provider: GOOGLE })
  const with_ = new URL(location(await browser(handler(), 'alice').open('/connect/acme')))
  const without = new URL(location(await browser(handler({ offline: false }), 'alice').open('/connect/acme')))
  expect([with_, without].map((url) => url.searchParams.get('access_type'))).toEqual(['offline', null])
})
