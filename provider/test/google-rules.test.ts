import { expect, test } from 'vitest'
import type { DevelopmentProvider } from '../src/index.ts'
import { Browser, pressing } from './browser.ts'
import { authorizationUrl, authorize, callback, connect, post, provide, refresh, titleOf, userInfo } from './setup.ts'

test('a refresh token comes with access_type=offline and consent, and not again without consent', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const first = await connect(provider, { access_type: 'offline' }, browser)
  expect(first.json['refresh_token']).toBeTypeOf('string')

  const second = await connect(provider, { access_type: 'offline' }, browser)
  expect(second.pages).toEqual([])
  expect(second.json['access_token']).toBeTypeOf('string')
  expect(second.json['refresh_token']).toBeUndefined()

  const third = await connect(provider, { access_type: 'offline', prompt: 'consent' }, browser)
  expect(third.pages).toEqual(['Allow access'])
  expect(third.json['refresh_token']).toBeTypeOf('string')
  expect((await refresh(provider, first.json['refresh_token'])).status).toBe(200)
})

test('consent is remembered across browsers', async () => {
  const provider = await provide()
  await connect(provider, { access_type: 'offline' })
  const elsewhere = await connect(provider, { access_type: 'offline' })
  expect(elsewhere.pages).toEqual(['Log in'])
  expect(elsewhere.json['refresh_token']).toBeUndefined()
})

test('without access_type=offline there is no refresh token, and asking for it later asks the user', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const online = await connect(provider, { prompt: 'consent' }, browser)
  expect(online.json['refresh_token']).toBeUndefined()
  const offline = await connect(provider, { access_type: 'offline' }, browser)
  expect(offline.pages).toEqual(['Allow access'])
  expect(offline.json['refresh_token']).toBeTypeOf('string')
})

test('an access_type that Google does not know is refused', async () => {
  const provider = await provide()
  const returned = await authorize(provider, { access_type: 'always' })
  expect(returned.searchParams.get('error')).toBe('invalid_request')
})

test('a client in the standards’ style gets a refresh token for offline_access', async () => {
  const provider = await provide()
  const { json } = await connect(provider, { scope: 'openid offline_access', prompt: 'consent' })
  expect(json['scope']).toBe('openid offline_access')
  expect(json['refresh_token']).toBeTypeOf('string')
})

test('Google’s own scopes are granted under their names and readable without openid', async () => {
  const provider = await provide()
  const scope = 'https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile'
  const { json } = await connect(provider, { scope, access_type: 'offline' })
  expect(json['scope']).toBe(scope)
  expect(json['id_token']).toBeUndefined()
  expect((await userInfo(provider, json['access_token'])).json).toEqual({
    id: 'alice',
    sub: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    verified_email: true,
    name: 'Alice Liddell',
    given_name: 'Alice',
    family_name: 'Liddell',
  })
})

test('the consent asks for new scopes and keeps the old ones', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  await connect(provider, { scope: 'openid email' }, browser)
  const more = await connect(provider, { scope: 'openid profile' }, browser)
  expect(more.pages).toEqual(['Allow access'])
  expect(more.json['scope']).toBe('openid profile')
  const all = await connect(provider, { scope: 'openid email profile' }, browser)
  expect(all.pages).toEqual([])
  expect(all.json['scope']).toBe('openid email profile')
})

test('after revocation the next login asks again and brings a refresh token', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const { json } = await connect(provider, { access_type: 'offline' }, browser)
  await post(provider, provider.metadata.revocation_endpoint, { token: String(json['access_token']) })
  expect((await refresh(provider, json['refresh_token'])).json['error']).toBe('invalid_grant')
  const again = await connect(provider, { access_type: 'offline' }, browser)
  expect(again.pages).toEqual(['Allow access'])
  expect(again.json['refresh_token']).toBeTypeOf('string')
})

test('without rotation the refresh token stays and is not repeated', async () => {
  const provider = await provide()
  const [grant] = await provider.mint()
  for (const time of ['first', 'second']) {
    const { status, json } = await refresh(provider, grant!.refresh_token)
    expect(status, time).toBe(200)
    expect(json['access_token']).not.toBe(grant!.access_token)
    expect('refresh_token' in json).toBe(false)
  }
})

test('a scope that was granted earlier can be refused later', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  await connect(provider, { scope: 'openid email profile' }, browser)
  const consent = await browser.open(authorizationUrl(provider, { scope: 'openid email', prompt: 'consent' }))
  await browser.submit(consent, ({ action }) => ({ action, fields: new URLSearchParams({ decision: 'allow' }) }))
  const later = await connect(provider, { scope: 'openid email profile' }, browser)
  expect(later.pages).toEqual([])
  expect(later.json['scope']).toBe('openid profile')
})

const logOut = async (provider: DevelopmentProvider, browser: Browser): Promise<void> => {
  await browser.submit(await browser.open(`${provider.url}/logout`), pressing('logout', 'yes'))
}

test('logging out of the provider leaves the application its grant', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const { json } = await connect(provider, { access_type: 'offline' }, browser)
  await logOut(provider, browser)
  expect((await refresh(provider, json['refresh_token'])).status).toBe(200)
  expect((await connect(provider, {}, browser)).pages).toEqual(['Log in'])
})

test('logging out before the consent is given again leaves the earlier grant alone', async () => {
  const provider = await provide()
  const { json } = await connect(provider, { access_type: 'offline' })
  const elsewhere = new Browser(callback)
  const login = await elsewhere.open(authorizationUrl(provider, { prompt: 'consent' }))
  expect(titleOf(await elsewhere.submit(login))).toBe('Allow access')
  await logOut(provider, elsewhere)
  expect((await refresh(provider, json['refresh_token'])).status).toBe(200)
})
