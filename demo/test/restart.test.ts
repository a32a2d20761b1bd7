import { join } from 'node:path'
import { statSync } from 'node:fs'
import { onTestFinished, expect, test } from 'vitest'
import { startProvider } from '@evergrant/provider'
import { startDemo } from '../src/start-demo.ts'
import type { UpstreamChoice } from '../src/settings.ts'
import type { Browser } from './browser.ts'
import { demoWith, freePort, json, logIn, settingsOf, temporaryFolder, titleOf } from './setup.ts'

test('the grant is still there after a restart, while the provider goes on', async () => {
  const port = await freePort()
  const provider = await startProvider({ rotate: true, redirectUris: [`http://localhost:${port}/callback`] })
  onTestFinished(() => provider.close())
  const { clientId, clientSecret, url } = provider
  const upstream: UpstreamChoice = {
    kind: 'issuer',
    issuer: url,
    clientId,
    clientSecret,
    scope: 'openid email profile',
  }
  const settings = settingsOf({ port, upstream })
  const first = await startDemo({ settings })
  const { browser } = await logIn(first)
  const before = await json(browser, new URL('/manual_refresh', first.url).href)
  await first.close()
  const second = await startDemo({ settings })
  onTestFinished(() => second.close())
  const after = await json(browser, new URL('/manual_refresh', second.url).href)
  expect(after.status).toBe(200)
  expect(after.body['previous_fingerprint']).toBe(before.body['fingerprint'])
  expect((await json(browser, new URL('/validate', second.url).href)).body).toMatchObject({ aud: clientId })
  // A session says who somebody is at one provider; at another one it says nothing.
  const other = await demoWith({ ...settings, upstream: { kind: 'embedded' }, port: 0 })
  const cookieOf = (each: Browser): string => [...each.cookies.keys()].find((name) => name.includes('evergrant_demo'))!
  const { browser: elsewhere } = await logIn(other)
  elsewhere.cookies.set(cookieOf(elsewhere), browser.cookies.get(cookieOf(browser))!)
  expect((await json(elsewhere, other.at('/profile'))).status).toBe(401)
  // Without a provider in this process there is nothing to storm and to break.
  const menu = await browser.open(new URL('/menu', second.url).href)
  expect(menu.text).not.toContain('id="storm"')
  expect((await browser.open(new URL('/storm', second.url).href, { method: 'POST' })).status).toBe(404)
})

test('after a restart of the embedded provider, which forgets its grants, a page leads to a new connection', async () => {
  const [port, providerPort] = [await freePort(), await freePort()]
  const settings = settingsOf({ port, providerPort })
  const first = await startDemo({ settings })
  const { browser } = await logIn(first)
  await json(browser, new URL('/manual_refresh', first.url).href)
  await first.close()
  const demo = await demoWith(settings)
  const page = await browser.open(demo.at('/manual_refresh'))
  expect(page.status).toBe(401)
  expect(titleOf(page)).toBe('Please connect again')
  expect(page.text).toContain('href="/?prompt=consent"')
  expect((await json(browser, demo.at('/profile'))).body).toMatchObject({
    error: 'reauthorization_required',
    log_in: '/?prompt=consent',
  })
  expect(titleOf(await browser.open(demo.at('/menu')))).toBe('Please connect again')
  expect((await logIn(demo, { browser, path: '/?prompt=consent' })).page.url).toBe(demo.at('/menu'))
  expect((await json(browser, demo.at('/profile'))).status).toBe(200)
  expect(demo.errors).toEqual([])
})

test('the stored files are readable for their owner only, and hold no token', async () => {
  const database = join(temporaryFolder(), 'inner', 'demo.db')
  const demo = await demoWith({ store: { kind: 'sqlite', file: database } })
  await logIn(demo)
  for (const file of [database, `${database}.secrets.json`]) expect(statSync(file).mode & 0o077).toBe(0)
})

test('a login without a refresh token, where none is stored, asks for consent automatically', async () => {
  const [port, providerPort] = [await freePort(), await freePort()]
  const provider = await startProvider({
    port: providerPort,
    rotate: true,
    redirectUris: [`http://localhost:${port}/callback`],
  })
  onTestFinished(() => provider.close())
  const { clientId, clientSecret, url } = provider
  const upstream: UpstreamChoice = {
    kind: 'issuer',
    issuer: url,
    clientId,
    clientSecret,
    scope: 'openid email profile',
  }
  const first = await startDemo({ settings: settingsOf({ port, upstream }) })
  await logIn(first)
  await first.close()
  // Another database: the provider remembers the consent, and gives no refresh token for it again.
  const second = await startDemo({ settings: settingsOf({ port, upstream }) })
  onTestFinished(() => second.close())
  const { browser, page, titles } = await logIn(second)
  expect(titles).toContain('Allow access')
  expect(page.url).toBe(new URL('/menu', second.url).href)
  expect((await json(browser, new URL('/manual_refresh', second.url).href)).status).toBe(200)
})
