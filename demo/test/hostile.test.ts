import { expect, test } from 'vitest'
import { Browser } from './browser.ts'
import { demoWith, finishAtProvider, json, logIn, titleOf } from './setup.ts'

test.each([
  '//evil.example',
  'https:evil.example',
  '\\\\evil.example',
  '/\\evil.example',
  'https://evil.example/',
  'menu',
])('return_to=%s is refused with a page, and no login is started', async (returnTo) => {
  const demo = await demoWith()
  const browser = new Browser()
  const page = await browser.open(demo.at(`/?${new URLSearchParams({ return_to: returnTo }).toString()}`))
  expect(page.status).toBe(400)
  expect(titleOf(page)).toBe('The link leads to another site')
  expect(browser.cookies.size).toBe(0)
})

test('return_to leads back to a path of the demo', async () => {
  const demo = await demoWith()
  const { page } = await logIn(demo, { path: '/?return_to=/profile%3Fa%3Db' })
  expect(page.url).toBe(demo.at('/profile?a=b'))
  expect(page.status).toBe(200)
})

test('a callback whose state is from another browser is refused, and the login in progress can still be completed', async () => {
  const demo = await demoWith()
  const attacker = await finishAtProvider(demo, { user: 'bob' })
  const victim = await finishAtProvider(demo, { user: 'alice' })
  const trick = await victim.browser.open(attacker.callback)
  expect(trick.status).toBe(400)
  expect(titleOf(trick)).toBe('This login does not belong to this browser')
  const page = await victim.browser.open(victim.callback)
  expect(page.url).toBe(demo.at('/menu'))
  expect(page.text).toContain('Alice Liddell')
})

test('a callback that comes twice counts once, and the grant stays active', async () => {
  const demo = await demoWith()
  const { browser, callback } = await finishAtProvider(demo)
  expect((await browser.open(callback)).url).toBe(demo.at('/menu'))
  const again = await browser.open(callback)
  expect(again.status).toBe(400)
  expect(titleOf(again)).toBe('This login was already used')
  expect((await json(browser, demo.at('/manual_refresh'))).status).toBe(200)
  expect(demo.provider.stats().revocations).toBe(0)
})

test('a callback that comes twice at once counts once, and the grant stays active', async () => {
  const demo = await demoWith()
  const { browser, callback } = await finishAtProvider(demo)
  const twin = new Browser()
  for (const [name, value] of browser.cookies) twin.cookies.set(name, value)
  const pages = await Promise.all([browser.open(callback), twin.open(callback)])
  expect(pages.map(titleOf).sort()).toEqual(['Menu', 'This login was already used'])
  const winner = pages.find(({ status }) => status === 200) === pages[0] ? browser : twin
  expect((await json(winner, demo.at('/manual_refresh'))).status).toBe(200)
  expect(demo.provider.stats().tokenRequests.authorization_code).toBe(1)
})

test('a login that was begun before another user logged in is refused, and no grant is changed', async () => {
  const demo = await demoWith()
  const alice = await logIn(demo, { user: 'alice' })
  const before = await json(alice.browser, demo.at('/validate'))
  // Begun as alice, and finished when bob is logged in in the same browser.
  const begun = await finishAtProvider(demo, { browser: alice.browser, user: 'alice' })
  const bob = await logIn(demo, { user: 'bob' })
  for (const [name, value] of bob.browser.cookies) {
    if (name.startsWith('localhost evergrant_demo')) alice.browser.cookies.set(name, value)
  }
  const page = await alice.browser.open(begun.callback)
  expect(page.status).toBe(400)
  expect(titleOf(page)).toBe('Another login was completed in between')
  expect((await json(bob.browser, demo.at('/profile'))).body).toMatchObject({ sub: 'bob' })
  expect((await json(alice.browser, demo.at('/profile'))).body).toMatchObject({ sub: 'bob' })
  expect(before.body).toMatchObject({ sub: 'alice' })
  const again = await logIn(demo, { user: 'alice' })
  expect((await json(again.browser, demo.at('/manual_refresh'))).status).toBe(200)
  expect(demo.provider.stats().revocations).toBe(0)
})

test('a pending login of another browser can’t be used with a copy of its address alone', async () => {
  const demo = await demoWith()
  const alice = await finishAtProvider(demo, { user: 'alice' })
  const thief = await new Browser().open(alice.callback)
  expect(thief.status).toBe(400)
  expect(titleOf(thief)).toBe('This login does not belong to this browser')
  expect((await alice.browser.open(alice.callback)).url).toBe(demo.at('/menu'))
})

test('two tabs can log in at the same time', async () => {
  const demo = await demoWith()
  const first = await finishAtProvider(demo, { user: 'alice' })
  const { page } = await logIn(demo, { browser: first.browser, user: 'alice' })
  expect(page.url).toBe(demo.at('/menu'))
  // The first was begun when nobody was logged in: it is not used, and nothing is lost.
  expect(titleOf(await first.browser.open(first.callback))).toBe('Another login was completed in between')
  expect((await json(first.browser, demo.at('/profile'))).body).toMatchObject({ sub: 'alice' })
})

test.each([
  ['made up', () => 'Fe26.2*1*abc*def*ghi*~2'],
  ['nonsense', () => '%%%'],
  ['changed', (sealed: string) => `${sealed.slice(0, 60)}${sealed[60] === 'A' ? 'B' : 'A'}${sealed.slice(61)}`],
  ['of a login', (_sealed: string, pending: string) => pending],
])('a forged session cookie (%s) is no session', async (_kind, forge) => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const named = (prefix: string): [string, string] =>
    [...browser.cookies].find(([name]) => name.startsWith(`localhost ${prefix}`))!
  const [name, sealed] = named('evergrant_demo_')
  const [, pending] = named('evergrant_login_')
  const thief = new Browser()
  thief.cookies.set(name, forge(sealed, pending))
  const page = await thief.open(demo.at('/menu'))
  expect(page.status).toBe(401)
  expect(titleOf(page)).toBe('Connect first')
  expect((await json(browser, demo.at('/profile'))).status).toBe(200)
  expect(demo.errors).toEqual([])
})

test.each(['/menu', '/profile', '/automatic_refresh', '/manual_refresh', '/validate', '/live'])(
  '%s without a session says so, as a page and as JSON',
  async (path) => {
    const demo = await demoWith()
    const page = await new Browser().open(demo.at(path))
    expect(page.status).toBe(401)
    expect(titleOf(page)).toBe('Connect first')
    const { body, status } = await json(new Browser(), demo.at(path))
    expect(status).toBe(401)
    expect(body).toMatchObject({ error: 'not_connected', log_in: '/' })
  },
)

test.each(['cross-site', 'same-site'])('refreshing routes refuse %s requests', async (site) => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  for (const path of ['/automatic_refresh', '/manual_refresh']) {
    const { body, status } = await json(browser, demo.at(path), { headers: { 'sec-fetch-site': site } })
    expect(status).toBe(403)
    expect(body).toMatchObject({ error: 'cross_site' })
  }
  for (const path of ['/logout', '/disconnect', '/storm', '/faults/hang/on', '/processes/on', '/processes/kill']) {
    const init = { method: 'POST', headers: { 'sec-fetch-site': site } }
    expect((await json(browser, demo.at(path), init)).status).toBe(403)
  }
  expect(demo.provider.stats().tokenRequests.refresh_token).toBe(0)
  expect((await json(browser, demo.at('/profile'))).status).toBe(200)
})

test('forms of an old browser from another origin are refused', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const init = { method: 'POST', headers: { origin: 'http://evil.example' } }
  expect((await json(browser, demo.at('/disconnect'), init)).status).toBe(403)
  expect((await json(browser, demo.at('/profile'))).status).toBe(200)
})

test('the web session’s id changes at each login, and the old one ends', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const old = new Browser()
  for (const [name, value] of browser.cookies) old.cookies.set(name, value)
  await logIn(demo, { browser })
  expect((await json(browser, demo.at('/profile'))).status).toBe(200)
  expect((await json(old, demo.at('/profile'))).status).toBe(401)
})

test('the login starts at the public address, because cookies don’t follow from another one', async () => {
  const demo = await demoWith()
  const { page } = await logIn({ url: demo.url }, { path: demo.url.replace('localhost', '127.0.0.1') })
  expect(page.url).toBe(demo.at('/menu'))
})

test('responses have a strict policy, are not cached, and show no whole token', async () => {
  const demo = await demoWith()
  const { browser, page } = await logIn(demo)
  expect(page.headers.get('content-security-policy')).toContain(
    "default-src 'none'; script-src 'self'; style-src 'self'",
  )
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
  expect(page.headers.get('cache-control')).toBe('no-store')
  expect(page.text).not.toMatch(/<script(?! type="module" src=)|<style| style="| on[a-z]+="/)
  const texts: string[] = []
  for (const path of ['/profile', '/automatic_refresh', '/manual_refresh', '/validate', '/menu']) {
    texts.push((await browser.open(demo.at(path))).text)
  }
  // The provider's tokens have 43 characters of base64url.
  for (const text of texts) expect(text).not.toMatch(/[\w-]{43}/)
})
