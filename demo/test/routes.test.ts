import { expect, test } from 'vitest'
import { demoWith, json, logIn, titleOf } from './setup.ts'

test('a user logs in through the provider’s pages and sees the menu', async () => {
  const demo = await demoWith()
  const { page, titles } = await logIn(demo)
  expect(titles).toEqual(['Log in', 'Allow access'])
  expect(page.status).toBe(200)
  expect(page.url).toBe(demo.at('/menu'))
  expect(page.text).toContain('Alice Liddell')
})

test('/profile responds with the profile', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const { body, headers, status } = await json(browser, demo.at('/profile'))
  expect(status).toBe(200)
  expect(body).toMatchObject({ sub: 'alice', email: 'alice@example.com', name: 'Alice Liddell' })
  expect(headers.get('cache-control')).toBe('no-store')
  expect(demo.provider.stats().tokenRequests.refresh_token).toBe(0)
})

test('/automatic_refresh expires the stored token, calls the resource, and shows the new token, shortened', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const { body, status } = await json(browser, demo.at('/automatic_refresh'))
  expect(status).toBe(200)
  expect(body).toMatchObject({ token_type: 'bearer', scope: 'openid email profile' })
  expect(body['access_token']).toMatch(/^.{6}…$/)
  expect(body['fingerprint']).toMatch(/^[0-9a-f]{12}$/)
  expect(body['previous_fingerprint']).not.toBe(body['fingerprint'])
  expect(body['expires_in']).toBeGreaterThan(55)
  const stats = demo.provider.stats()
  expect(stats.redemptions).toBe(1)
  expect(stats.userInfoRequests).toBe(1)
})

test('/manual_refresh shows a new token each time', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const first = await json(browser, demo.at('/manual_refresh'))
  const second = await json(browser, demo.at('/manual_refresh'))
  expect(second.body['previous_fingerprint']).toBe(first.body['fingerprint'])
  expect(second.body['fingerprint']).not.toBe(first.body['fingerprint'])
  expect(demo.provider.stats().redemptions).toBe(2)
})

test('/validate shows the provider’s data about the token', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const { body, status } = await json(browser, demo.at('/validate'))
  expect(status).toBe(200)
  expect(body).toMatchObject({ aud: 'evergrant-demo', sub: 'alice', email: 'alice@example.com' })
  expect(demo.provider.stats().tokenInfoRequests).toBe(1)
})

test('POST /logout ends the web session and leaves the grant', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const cookies = new Map(browser.cookies)
  const page = await browser.open(demo.at('/logout'), { method: 'POST' })
  expect(titleOf(page)).toBe('Logged out')
  expect((await json(browser, demo.at('/profile'))).status).toBe(401)
  // Not even for whoever has a copy of the cookie.
  for (const [name, value] of cookies) browser.cookies.set(name, value)
  expect((await json(browser, demo.at('/profile'))).status).toBe(401)
  const again = await logIn(demo, { browser })
  expect(again.titles).toEqual(['Choose an account'])
  expect((await json(browser, demo.at('/manual_refresh'))).status).toBe(200)
})

test('POST /disconnect ends the grant here and at the provider', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const page = await browser.open(demo.at('/disconnect'), { method: 'POST' })
  expect(titleOf(page)).toBe('Disconnected')
  await expect.poll(() => demo.provider.stats().revokeRequests).toBe(1)
  expect((await json(browser, demo.at('/menu'))).body).toMatchObject({ error: 'not_connected', log_in: '/' })
  const again = await logIn(demo, { browser })
  expect(again.titles).toContain('Allow access')
})
