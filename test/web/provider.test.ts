import type { RequestListener } from 'node:http'
import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { Grants } from '../../src/grants.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import { connectHandler, toNodeHandler, type ConnectHandlerOptions } from '../../src/web/index.ts'
import { browser as providerBrowser, logIn, provide, serve, temporaryFile } from '../integration/setup.ts'
import { type Answer, send } from './http.ts'
import { userOf } from './setup.ts'

type Options = Partial<ConnectHandlerOptions<{ acme: OAuth2Client }, { req: object; res: object }>>

/** Processes of one application over one SQLite file, each with its own port, and the development provider. */
async function application(options: Options = {}) {
  const listeners: RequestListener[] = []
  const urls = await Promise.all([0, 1].map((n) => serve((req, res) => listeners[n]!(req, res))))
  const publicUrl = `http://localhost:${new URL(urls[0]!).port}`
  const redirectUri = `${publicUrl}/connect/acme/callback`
  const provider = await provide({ rotate: true, accessTokenLifetimeMs: 3_600_000, redirectUris: [redirectUri] })
  const keys = keyRing(`k:${generateKey()}`)
  const file = temporaryFile()
  for (const _ of urls) {
    const client = new OAuth2Client({
      provider: {
        name: 'acme',
        server: { ...provider.metadata },
        offline: { params: { access_type: 'offline' } },
        consentParams: { prompt: 'consent' },
      },
      clientId: provider.clientId,
      clientSecret: provider.clientSecret,
      redirectUri,
      scope: ['openid', 'email', 'profile'],
    })
    const grants = new Grants({ clients: { acme: client }, store: sqliteStore(file), keys })
    const connect = toNodeHandler(connectHandler(grants, { subject: userOf, ...options }))
    listeners.push(
      (req, res) =>
        void connect(req, res, async () => {
          const session = await connect.session(req, res, 'acme')
          if (session === undefined) return
          const info = await session.fetch(provider.metadata.userinfo_endpoint)
          res.end(((await info.json()) as { email: string }).email)
        }),
    )
  }
  return { provider, urls: urls as [string, string], publicUrl, redirectUri }
}

/** Sends what a browser sends, and keeps its cookies. */
function visitor(publicUrl: string, cookies = new Map<string, string>()) {
  const open = async (url: string, at = publicUrl): Promise<Answer> => {
    const { pathname, search } = new URL(url, publicUrl)
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await send(at + pathname + search, { cookie })
    for (const each of response.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? []
      cookies.set(name, value)
    }
    return response
  }
  return { open, cookies }
}

function placeOf({ headers, status }: Answer): string {
  expect(status).toBe(303)
  return headers.location!
}

test('a page leads through the provider’s pages back to itself', async () => {
  const { publicUrl, redirectUri } = await application()
  const { open } = visitor(publicUrl, new Map([['user', 'alice']]))
  const start = placeOf(await open('/profile?tab=1'))
  const callback = await logIn(placeOf(await open(start)), { browser: providerBrowser(redirectUri) })
  expect(placeOf(await open(callback))).toBe('/profile?tab=1')
  expect((await open('/profile?tab=1')).text).toBe('alice@example.com')
})

test('two processes get one callback each: one code is sent, and both lead on', async () => {
  const { provider, publicUrl, redirectUri, urls } = await application()
  const { open, cookies } = visitor(publicUrl, new Map([['user', 'alice']]))
  const callback = await logIn(placeOf(await open('/connect/acme?return_to=/next')), {
    browser: providerBrowser(redirectUri),
  })
  const both = await Promise.all(urls.map((url) => visitor(publicUrl, new Map(cookies)).open(callback, url)))
  expect(both.map(placeOf)).toEqual(['/next', '/next'])
  expect(provider.stats().tokenRequests).toMatchObject({ authorization_code: 1 })
})

test('a login with the provider knows its user by the ID token, in both processes', async () => {
  const subjects: string[] = []
  const { provider, publicUrl, redirectUri, urls } = await application({
    signIn: ({ headers, identity }) => {
      subjects.push(`${identity.sub} ${identity.email}`)
      headers.append('set-cookie', `user=${identity.sub}; Path=/`)
      return identity.sub
    },
  })
  const { open, cookies } = visitor(publicUrl)
  const callback = await logIn(placeOf(await open('/connect/acme?return_to=/next')), {
    browser: providerBrowser(redirectUri),
    user: 'bob',
  })
  const visitors = urls.map(() => visitor(publicUrl, new Map(cookies)))
  const both = await Promise.all(visitors.map((each, n) => each.open(callback, urls[n])))
  expect(both.map(placeOf)).toEqual(['/next', '/next'])
  expect(visitors.map((each) => each.cookies.get('user'))).toEqual(['bob', 'bob'])
  expect(subjects).toEqual(['bob bob@example.com', 'bob bob@example.com'])
  expect(provider.stats().tokenRequests).toMatchObject({ authorization_code: 1 })
})

test('a user who consented before, elsewhere, is asked again, because only that brings a refresh token', async () => {
  const { provider, publicUrl, redirectUri } = await application()
  const atProvider = providerBrowser(redirectUri)
  for (const user of ['first', 'second']) {
    const { open } = visitor(publicUrl, new Map([['user', user]]))
    let next = placeOf(await open('/connect/acme?return_to=/next'))
    for (let rounds = 0; next.startsWith(provider.url); rounds += 1) {
      expect(rounds).toBeLessThan(user === 'first' ? 1 : 2)
      next = placeOf(await open(await logIn(next, { browser: atProvider })))
    }
    expect(next).toBe('/next')
    const program = { cookie: `user=${user}`, accept: 'application/json', 'sec-fetch-mode': 'cors' }
    expect(JSON.parse((await send(`${publicUrl}/connect`, program)).text)).toMatchObject({
      connections: [{ state: 'active', renewable: true }],
    })
  }
})

test('a user who declined gets a page, and may try again', async () => {
  const { publicUrl, redirectUri } = await application()
  const { open } = visitor(publicUrl, new Map([['user', 'alice']]))
  const start = placeOf(await open('/connect/acme'))
  const response = await open(await logIn(start, { browser: providerBrowser(redirectUri), decision: 'deny' }))
  expect(response.status).toBe(403)
  expect(response.text).toContain('data-code="access_denied"')
})
