import { expect, test } from 'vitest'
import type { DevelopmentProvider } from '../src/index.ts'
import { Browser, formOf, pressing } from './browser.ts'
import { callback, post, provide, refresh, titleOf, type Answer } from './setup.ts'

const ask = (provider: DevelopmentProvider): Promise<Answer> =>
  post(provider, provider.metadata.device_authorization_endpoint, { scope: 'openid email' })

const poll = (provider: DevelopmentProvider, device: Answer): Promise<Answer> =>
  post(provider, provider.metadata.token_endpoint, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: String(device.json['device_code']),
  })

test('a device is connected with the code that it shows', async () => {
  const provider = await provide()
  const device = await ask(provider)
  expect(device.json).toMatchObject({ verification_uri: `${provider.url}/device`, expires_in: 600 })
  expect((await poll(provider, device)).json['error']).toBe('authorization_pending')

  const browser = new Browser(callback)
  const entry = await browser.open(String(device.json['verification_uri']))
  expect(titleOf(entry)).toBe('Connect a device')
  const confirm = await browser.submit(entry, pressing('user_code', String(device.json['user_code'])))
  expect(titleOf(confirm)).toBe('Is this your device?')
  expect(confirm.text).toContain(device.json['user_code'])
  const login = await browser.submit(confirm)
  const consent = await browser.submit(login)
  const done = await browser.submit(consent, pressing('decision', 'allow'))
  expect(titleOf(done)).toBe('Your device is connected')

  const { status, json } = await poll(provider, device)
  expect(status).toBe(200)
  expect(json['scope']).toBe('openid email')
  expect((await refresh(provider, json['refresh_token'])).status).toBe(200)
  expect(provider.stats().tokenRequests).toMatchObject({ device_code: 2, refresh_token: 1 })
})

test('a complete verification URL goes straight to the consent', async () => {
  const provider = await provide()
  const device = await ask(provider)
  const browser = new Browser(callback)
  const page = await browser.open(String(device.json['verification_uri_complete']))
  expect(page.headers.get('content-security-policy')).toMatch(/script-src [^;]*'sha256-/)
  expect(titleOf(await browser.submit(page))).toBe('Is this your device?')
})

test('a wrong code is asked for again', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  let page = await browser.open(`${provider.url}/device`)
  for (const code of ['', 'BBBB-BBBB']) {
    page = await browser.submit(page, pressing('user_code', code))
    expect(titleOf(page)).toBe('Connect a device')
    expect(page.text).toContain('No device is waiting with this code')
  }
})

test('a form of another session is refused', async () => {
  const provider = await provide()
  const device = await ask(provider)
  const { fields } = formOf(await new Browser(callback).open(`${provider.url}/device`))
  fields.set('user_code', String(device.json['user_code']))
  fields.set('confirm', 'yes')
  const post = { method: 'POST', body: fields }

  const withoutSession = await new Browser(callback).open(`${provider.url}/device`, post)
  expect([withoutSession.status, titleOf(withoutSession)]).toEqual([200, 'Connect a device'])

  const withSession = new Browser(callback)
  await withSession.open(`${provider.url}/device`)
  const refused = await withSession.open(`${provider.url}/device`, post)
  expect([refused.status, titleOf(refused)]).toEqual([400, 'Connect a device'])
  expect(refused.text).toContain('Something went wrong')
  expect((await poll(provider, device)).json['error']).toBe('authorization_pending')
})

test('a user who says no or denies ends the device’s wait with access_denied', async () => {
  const provider = await provide()
  const browser = new Browser(callback)

  const first = await ask(provider)
  const entry = await browser.open(`${provider.url}/device`)
  const confirm = await browser.submit(entry, pressing('user_code', String(first.json['user_code'])))
  const aborted = await browser.submit(confirm, pressing('abort', 'yes'))
  expect(aborted.text).toContain('The device was not connected')
  expect((await poll(provider, first)).json['error']).toBe('access_denied')

  const second = await ask(provider)
  const confirmed = await browser.submit(aborted, pressing('user_code', String(second.json['user_code'])))
  const consent = await browser.submit(await browser.submit(confirmed))
  const denied = await browser.submit(consent, pressing('decision', 'deny'))
  expect(denied.text).toContain('The device was not connected')
  expect((await poll(provider, second)).json['error']).toBe('access_denied')
})
