import { expect, test } from 'vitest'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import type { KeyRing } from '../../src/seal/key-ring.ts'
import { StoreError } from '../../src/model/errors.ts'
import { codeOf, location, world } from './setup.ts'

test('a login has one cookie with the attributes of a host', async () => {
  const { browser, clock, handler } = world()
  const response = await browser(handler(), 'alice').open('/connect/acme')
  const [cookie = '', ...others] = response.headers.getSetCookie()
  expect(others).toEqual([])
  const begun = Math.floor(clock.now() / 1000).toString(36)
  const state = new URL(location(response)).searchParams.get('state')!
  const name = `__Host-evergrant-${begun}-${state.slice(0, 16)}`
  expect(cookie.replace(/=[^;]*/, '=value')).toBe(`${name}=value; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=900`)
  expect(cookie).not.toContain(state)
})

test.each([
  ['http://localhost:3000', '3000'],
  ['http://localhost', '80'],
])('on http, which only loopback may use, the port of %s is in the cookie’s name', async (origin, port) => {
  const { browser, handler } = world({ origin })
  const [cookie = ''] = (await browser(handler(), 'alice').open('/connect/acme')).headers.getSetCookie()
  expect(cookie.startsWith(`evergrant-${port}-`)).toBe(true)
  expect(cookie).toMatch(/^evergrant-\d+-[\da-z]+-[\w-]{16}=[^;]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=900$/)
})

const GOOGLE = [
  'calendar',
  'drive',
  'gmail.readonly',
  'contacts.readonly',
  'userinfo.email',
  'userinfo.profile',
  'tasks',
]

test('a cookie with seven scopes of Google takes at most 1,200 bytes', async () => {
  const scope = GOOGLE.map((each) => `https://www.googleapis.com/auth/${each}`)
  const { browser, handler } = world({ client: { scope: 'read' }, grants: { keys: keyRing(`2026a:${generateKey()}`) } })
  const alice = browser(handler({ scopes: { acme: scope } }), 'alice')
  location(await alice.open(`/connect/acme?return_to=/settings/accounts&scope=${encodeURIComponent(scope.join(' '))}`))
  expect(alice.logins.map((each) => each.length)).toEqual([expect.any(Number)])
  expect(alice.logins[0]!.length).toBeLessThanOrEqual(1200)
})

test('of six logins the three youngest have cookies, of at most 4 KB, and finish', async () => {
  const { browser, clock, handler } = world()
  const alice = browser(handler(), 'alice')
  const callbacks: string[] = []
  const long = `/page?${'x'.repeat(900)}`
  for (let n = 0; n < 6; n += 1) {
    callbacks.push(await alice.login(`/connect/acme?go=1&return_to=${n < 3 ? long : `/${n}`}`))
    expect(alice.logins.length).toBeLessThanOrEqual(3)
    expect(alice.logins.join('; ').length).toBeLessThanOrEqual(4096)
    await clock.advance(20_000)
  }
  expect(location(await alice.callback(callbacks[5]!))).toBe('/5')
  expect(location(await alice.callback(callbacks[3]!))).toBe('/3')
  expect(await codeOf(await alice.callback(callbacks[1]!))).toBe('state_mismatch')
})

test('a cookie that no browser would keep loses its way back, not the login', async () => {
  const scope = Array.from({ length: 30 }, (_, n) => `https://provider.example/auth/scope-number-${n}`)
  const { browser, handler } = world()
  const alice = browser(handler({ scopes: { acme: scope } }), 'alice')
  const query = new URLSearchParams({ return_to: `/${'x'.repeat(1900)}`, scope: scope.join(' ') })
  const url = await alice.login(`/connect/acme?${query.toString()}`)
  expect(alice.logins[0]!.length).toBeLessThanOrEqual(4096)
  expect(location(await alice.callback(url))).toBe('/')
})

test('a finished login gives way to an unfinished one', async () => {
  const { browser, clock, handler } = world()
  const alice = browser(handler(), 'alice')
  const first = await alice.login('/connect/acme?return_to=/first')
  for (let n = 0; n < 4; n += 1) {
    await clock.advance(20_000)
    location(await alice.callback(await alice.login()))
  }
  expect(location(await alice.callback(first))).toBe('/first')
})

test('after the callback a short mark takes the place of the login for the rest of its time', async () => {
  const { browser, clock, handler } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  const [before = ''] = alice.logins
  await clock.advance(100_000)
  const response = await alice.callback(url)
  const [cookie = ''] = response.headers.getSetCookie()
  expect(cookie).toContain('Max-Age=800')
  expect(alice.logins).toHaveLength(1)
  expect(alice.logins[0]!.length).toBeLessThan(before.length - 60)
})

test.each([
  ['went on past the end of the login', 904, 1],
  ['was set back', -100, 900],
])('the mark lasts a second at least and 15 minutes at most: the clock %s', async (_, seconds, maxAge) => {
  const { browser, clock, handler } = world()
  const connected = (): void => clock.set(clock.now() + seconds * 1000)
  const alice = browser(handler({ connected }), 'alice')
  const response = await alice.callback(await alice.login())
  const [cookie = ''] = response.headers.getSetCookie()
  expect(cookie).toMatch(new RegExp(`; Max-Age=${maxAge}$`))
})

test('only as many cookies are deleted as the room for them takes', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  await alice.login(`/connect/acme?go=1&return_to=/${'x'.repeat(1900)}`)
  const second = await alice.login('/connect/acme?go=1&return_to=/second')
  const third = await alice.login('/connect/acme?go=1&return_to=/third')
  expect(alice.logins).toHaveLength(2)
  expect(location(await alice.callback(second))).toBe('/second')
  expect(location(await alice.callback(third))).toBe('/third')
})

test('a cookie that was changed or sealed with other keys is no cookie', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = await alice.login()
  for (const [name, cookie] of alice.cookies) {
    if (name !== 'user') alice.cookies.set(name, { ...cookie, value: `${cookie.value.slice(0, -4)}AAAA` })
  }
  expect(await codeOf(await alice.callback(url))).toBe('state_mismatch')
  expect(provider.tokenRequests).toHaveLength(0)
})

test('the whole state is compared', async () => {
  const { browser, handler, provider } = world()
  const alice = browser(handler(), 'alice')
  const url = new URL(await alice.login())
  const state = url.searchParams.get('state')!
  for (const wrong of [`${state.slice(0, 16)}x`, state.slice(0, 16), '', `${state}x`]) {
    url.searchParams.set('state', wrong)
    expect(await codeOf(await alice.callback(url.href))).toBe('state_mismatch')
  }
  expect(provider.tokenRequests).toHaveLength(0)
  url.searchParams.set('state', state)
  location(await alice.callback(url.href))
  url.searchParams.set('state', `${state}x`)
  expect(await codeOf(await alice.callback(url.href))).toBe('state_mismatch')
})

test('keys that cannot be reached are not a lost cookie', async () => {
  const ring = keyRing(`k:${generateKey()}`)
  let isDown = false
  const keys: KeyRing = {
    seal: (text, context) => ring.seal(text, context),
    open: async (text, context) => {
      if (isDown) throw new StoreError('The key service is down.')
      return ring.open(text, context)
    },
  }
  const { browser, handler } = world({ grants: { keys } })
  const alice = browser(handler(), 'alice')
  const url = await alice.login('/connect/acme?return_to=/next')
  isDown = true
  const response = await alice.callback(url)
  expect([response.status, await codeOf(response)]).toEqual([503, 'store_error'])
  isDown = false
  expect(location(await alice.callback(url))).toBe('/next')
})

test('all cookies are sealed under one context', async () => {
  const ring = keyRing(`k:${generateKey()}`)
  const contexts = new Set<string>()
  const keys: KeyRing = {
    open: (text, context) => ring.open(text, context),
    seal: (text, context) => (contexts.add(context), ring.seal(text, context)),
  }
  const { browser, handler } = world({ grants: { keys } })
  const alice = browser(handler(), 'alice')
  await alice.login()
  await alice.login()
  expect(contexts.size).toBe(1)
})

test('no other cookie is set', async () => {
  const { browser, handler } = world()
  const alice = browser(handler(), 'alice')
  await alice.callback(await alice.login())
  expect([...alice.cookies.keys()].filter((name) => !name.startsWith('__Host-evergrant-'))).toEqual(['user'])
})
