import { expect, test } from 'vitest'
import { Browser, formOf, pressing, type LoadedPage } from './browser.ts'
import { authorizationUrl, callback, claimsOf, provide, redeemCode, refresh, request, titleOf } from './setup.ts'

const logIn = (username: string, password: string) => (form: { action: string; fields: URLSearchParams }) => {
  form.fields.set('username', username)
  form.fields.set('password', password)
  return form
}

test('denying sends the browser back with access_denied', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const consent = await browser.submit(await browser.open(authorizationUrl(provider)))
  const returned = new URL((await browser.submit(consent, pressing('decision', 'deny'))).url)
  expect(returned.searchParams.get('error')).toBe('access_denied')
  expect(returned.searchParams.get('state')).toBe('state-1')
  expect(returned.searchParams.has('code')).toBe(false)
})

test('cancelling the login sends the browser back with access_denied', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const login = await browser.open(authorizationUrl(provider))
  const done = await browser.submit(login, ({ action, fields }) => ({
    action: action.replace(/\/login$/, '/cancel'),
    fields,
  }))
  expect(new URL(done.url).searchParams.get('error')).toBe('access_denied')
})

test('an unticked scope is not granted, and openid cannot be unticked', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const consent = await browser.submit(
    await browser.open(authorizationUrl(provider, { access_type: 'offline', scope: 'openid email profile' })),
  )
  expect(formOf(consent).fields.getAll('scope')).toEqual(['email', 'profile'])
  const done = await browser.submit(consent, ({ action, fields }) => {
    fields.delete('scope', 'email')
    fields.set('decision', 'allow')
    return { action, fields }
  })
  const { json } = await redeemCode(provider, new URL(done.url))
  expect(json['scope']).toBe('openid profile')
  expect(claimsOf(json['id_token'])['email']).toBeUndefined()
  expect((await refresh(provider, json['refresh_token'])).json['scope']).toBe('openid profile')
})

test('allowing nothing at all is a denial', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const consent = await browser.submit(await browser.open(authorizationUrl(provider, { scope: 'email' })))
  const done = await browser.submit(consent, ({ action, fields }) => {
    fields.delete('scope')
    fields.set('decision', 'allow')
    return { action, fields }
  })
  expect(new URL(done.url).searchParams.get('error')).toBe('access_denied')
})

test('the login page names the users, fills in the first one, and refuses a wrong password', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const login = await browser.open(authorizationUrl(provider))
  for (const text of ['alice', 'wonderland', 'bob', 'builder']) expect(login.text).toContain(text)
  expect(Object.fromEntries(formOf(login).fields)).toEqual({ username: 'alice', password: 'wonderland' })

  const refused = await browser.submit(login, logIn('bob', 'wonderland'))
  expect(refused.status).toBe(400)
  expect(refused.text).toContain('role="alert"')
  expect(Object.fromEntries(formOf(refused).fields)).toEqual({ username: 'bob', password: '' })
  expect(titleOf(await browser.submit(refused, logIn('bob', 'builder')))).toBe('Allow access')
})

test('login_hint and the users’ names on the page choose whom to fill in', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const hinted = await browser.open(authorizationUrl(provider, { login_hint: 'bob@example.com' }))
  expect(formOf(hinted).fields.get('username')).toBe('bob')
  const link = /href="([^"]*user=alice)"/.exec(hinted.text)![1]!
  expect(formOf(await browser.open(provider.url + link)).fields.get('username')).toBe('alice')
})

test('select_account offers the logged-in user and the others', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const choose = { prompt: 'select_account consent' }
  const login = await browser.open(authorizationUrl(provider, choose))
  expect(titleOf(login)).toBe('Log in')
  await browser.submit(await browser.submit(login), pressing('decision', 'allow'))

  const accounts = await browser.open(authorizationUrl(provider, choose))
  expect(titleOf(accounts)).toBe('Choose an account')
  const same = await browser.submit(accounts, pressing('account', 'alice'))
  expect(titleOf(same)).toBe('Allow access')
  expect(same.text).toContain('alice@example.com')

  const again = await browser.open(authorizationUrl(provider, choose))
  const link = /href="([^"]*user=bob)"/.exec(again.text)![1]!
  const bob = await browser.open(provider.url + link)
  expect(formOf(bob).fields.get('password')).toBe('builder')
  // oidc-provider ends alice's session through a form that posts itself.
  const consent = await browser.submit(await browser.submit(bob))
  expect(consent.text).toContain('bob@example.com')
  const done = await browser.submit(consent, pressing('decision', 'allow'))
  const { json } = await redeemCode(provider, new URL(done.url))
  expect(claimsOf(json['id_token'])['sub']).toBe('bob')
})

test('a user who is not logged in cannot be chosen without a password', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  await browser.submit(
    await browser.submit(await browser.open(authorizationUrl(provider))),
    pressing('decision', 'allow'),
  )
  const accounts = await browser.open(authorizationUrl(provider, { prompt: 'select_account' }))
  const refused = await browser.submit(accounts, pressing('account', 'bob'))
  expect([refused.status, titleOf(refused)]).toEqual([400, 'This page has expired'])
})

test('prompt=none redirects to the client instead of showing a page', async () => {
  const provider = await provide()
  const done = await new Browser(callback).open(authorizationUrl(provider, { prompt: 'none' }))
  expect(new URL(done.url).searchParams.get('error')).toBe('login_required')
})

test('steps out of order, or from other browsers, have no effect', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const login = await browser.open(authorizationUrl(provider))
  const early = await browser.submit(login, ({ action }) => ({
    action: action.replace(/\/login$/, '/consent'),
    fields: new URLSearchParams({ decision: 'allow' }),
  }))
  expect([early.status, titleOf(early)]).toEqual([400, 'This page has expired'])
  const stranger = await new Browser(callback).submit(login)
  expect([stranger.status, titleOf(stranger)]).toEqual([400, 'This page has expired'])
  expect((await request(login.url, { method: 'DELETE' })).status).toBe(400)
})

test('a form that another site posts has no effect', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const login = await browser.open(authorizationUrl(provider))
  const { action, fields } = formOf(login)
  const refused = await browser.open(provider.url + action, {
    method: 'POST',
    body: fields,
    headers: { 'sec-fetch-site': 'cross-site' },
  })
  expect([refused.status, titleOf(refused)]).toEqual([403, 'This form came from another site'])
})

test('pages load nothing but the style sheet, and their forms lead only here and to the client', async () => {
  const provider = await provide()
  const browser = new Browser(callback)
  const login = await browser.open(authorizationUrl(provider))
  const consent = await browser.submit(login)
  for (const page of [login, consent] satisfies LoadedPage[]) {
    const policy = page.headers.get('content-security-policy')
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("form-action 'self' http://localhost:3000")
    expect(policy).not.toContain('unsafe-inline')
    expect(page.text).not.toMatch(/<script|<style|style=|\son\w+=|https?:\/\/(?!www\.googleapis)/)
    expect(page.headers.get('cache-control')).toBe('no-store')
  }
  const style = await request(`${provider.url}/assets/pages.css`)
  expect(style.headers.get('content-type')).toContain('text/css')
  expect(style.text).toContain('prefers-color-scheme: dark')
})

test('names on the pages are escaped', async () => {
  const provider = await provide({
    clients: [{ clientId: 'odd', name: '<b>&"Odd', redirectUris: [callback] }],
    users: [{ username: 'a"><i>', password: 'p' }],
  })
  const login = await new Browser(callback).open(authorizationUrl(provider, { client_id: 'odd' }))
  expect(login.text).toContain('&lt;b&gt;&amp;&quot;Odd')
  expect(login.text).not.toContain('<b>')
  expect(login.text).not.toContain('<i>')
  expect(formOf(login).fields.get('username')).toBe('a"><i>')
})

test('the consent page shows further scopes with their own wording', async () => {
  const provider = await provide({ scopes: { 'calendar.read': 'See your calendar' } })
  const browser = new Browser(callback)
  const consent = await browser.submit(
    await browser.open(authorizationUrl(provider, { scope: 'openid calendar.read' })),
  )
  expect(consent.text).toContain('See your calendar')
  const done = await browser.submit(consent, pressing('decision', 'allow'))
  expect((await redeemCode(provider, new URL(done.url))).json['scope']).toBe('openid calendar.read')
})

test('the root page says what this server is', async () => {
  const provider = await provide()
  const home = await request(`${provider.url}/`)
  expect(home.text).toContain(provider.metadata.token_endpoint)
  expect(home.text).not.toContain(provider.clientSecret)
})
