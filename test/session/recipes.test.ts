import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Agent } from 'undici'
import { expect, test } from 'vitest'
import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import { fetchWith } from '../../src/fetch/fetch-with.ts'
import { OAuth2Session } from '../../src/session.ts'
import { undiciTransport, withGrant } from '../../src/undici/index.ts'
import { json } from '../refresh/fake-server.ts'
import { client as clientPair, server as serverPair } from '../undici/certificates.ts'
import { API, stage } from './setup.ts'

// What docs/recipes.md shows, run.

const server = { token_endpoint: 'https://as.example/token', revocation_endpoint: 'https://as.example/revoke' }
const grant = { access_token: 'old', refresh_token: 'r1', expires_at: 1 }

interface Asked {
  readonly url: string
  readonly headers: Headers
  readonly body: string
}

/** A fetch of a provider that gives out `new`, and keeps what it was asked. */
function provider(): { fetch: typeof fetch; asked: Asked[] } {
  const asked: Asked[] = []
  return {
    asked,
    fetch: async (input, init) => {
      const request = new Request(input, init)
      asked.push({ url: request.url, headers: request.headers, body: await request.text() })
      return request.url.startsWith(API)
        ? new Response('x')
        : json({ access_token: 'new', token_type: 'bearer', expires_in: 60 })
    },
  }
}

const clientOf = (options: Partial<OAuth2ClientOptions>): OAuth2Client =>
  new OAuth2Client({
    provider: { name: 'acme', server, resourceOrigins: [API] },
    clientId: 'id',
    clientSecret: 'the-secret',
    ...options,
  })

test('token requests can be JSON, by the provider’s data', async () => {
  const { asked, fetch } = provider()
  const acme = clientOf({
    provider: { name: 'acme', server, resourceOrigins: [API], bodyFormat: 'json' },
    clientAuth: 'client_secret_post',
    fetch,
  })
  expect(await new OAuth2Session(acme, { token: grant }).accessToken()).toBe('new')
  expect(asked.map(({ headers }) => headers.get('content-type'))).toEqual(['application/json'])
  expect(JSON.parse(asked[0]!.body)).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'r1',
    client_id: 'id',
    client_secret: 'the-secret',
  })
})

test('fetchWith can send another scheme or another header, and rejections are recognised', async () => {
  const { session, settle } = await stage(() => new Response('x'), {
    provider: { rejected: [{ status: 403, body: { code: 'OVER' } }] },
  })
  const seen: string[] = []
  const sending =
    (change: (headers: Headers, token: string) => void): typeof fetch =>
    async (input, init) => {
      const headers = new Headers(init?.headers)
      change(headers, (headers.get('authorization') ?? '').replace('Bearer ', ''))
      seen.push([...headers].map(([name, value]) => `${name}: ${value}`).join('; '))
      const over = [...headers.values()].some((value) => value.includes('at-f-0'))
      return over ? json({ code: 'OVER' }, 403) : new Response(input as string)
    }
  const scheme = fetchWith(session, {
    origins: [API],
    fetch: sending((headers, token) => headers.set('authorization', `token ${token}`)),
  })
  expect((await settle(scheme(`${API}/a`, { headers: { 'x-mine': '1' } }))).status).toBe(200)
  expect(seen).toEqual(['authorization: token at-f-0; x-mine: 1', 'authorization: token at-f-1; x-mine: 1'])

  seen.length = 0
  const own = fetchWith(session, {
    origins: [API],
    fetch: sending((headers, token) => {
      headers.delete('authorization')
      headers.set('x-acme-token', token)
    }),
  })
  expect(await (await own(`${API}/b`)).text()).toBe(`${API}/b`)
  expect(seen).toEqual(['x-acme-token: at-f-1'])
  await expect(own('https://evil.example/')).rejects.toThrow(/not sent to/)
})

test('a clientAuth function can send client_key in place of client_id, as TikTok needs it', async () => {
  const { asked, fetch } = provider()
  const tiktok = new OAuth2Client({
    provider: {
      name: 'tiktok',
      server: { ...server, authorization_endpoint: 'https://as.example/authorize/' },
      scopeSeparator: ',',
      authorizationParams: { client_key: 'id' },
    },
    clientId: 'id',
    clientSecret: 'the-secret',
    clientAuth: ({ body, clientId, clientSecret = '' }) => {
      body.set('client_key', clientId)
      body.set('client_secret', clientSecret)
    },
    redirectUri: 'https://app.example/callback',
    scope: ['user.info.basic', 'video.list'],
    fetch,
  })
  const pending = await tiktok.authorizationRequest()
  const { searchParams } = new URL(pending.url)
  expect([searchParams.get('client_key'), searchParams.get('scope')]).toEqual(['id', 'user.info.basic,video.list'])
  await tiktok.exchangeCode(`/callback?code=abc&state=${pending.state}`, pending)
  await new OAuth2Session(tiktok, { token: grant }).token()
  await tiktok.revoke('mine')
  for (const { body, headers } of asked) {
    const form = new URLSearchParams(body)
    expect([form.get('client_key'), form.get('client_secret')]).toEqual(['id', 'the-secret'])
    expect([form.has('client_id'), headers.has('authorization')]).toEqual([false, false])
  }
  expect(asked).toHaveLength(3)
})

test('a fixed User-Agent can be sent to the provider and to its APIs', async () => {
  const { asked, fetch } = provider()
  const named: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers)
    headers.set('user-agent', 'acme-sync/1.4')
    return fetch(input, { ...init, headers })
  }
  const session = new OAuth2Session(clientOf({ fetch: named }), { token: grant })
  await session.fetch(`${API}/`, { headers: { 'x-mine': '1' } })
  expect(asked.map(({ headers }) => headers.get('user-agent'))).toEqual(['acme-sync/1.4', 'acme-sync/1.4'])
  expect(asked[1]!.headers.get('x-mine')).toBe('1')
})

test('with mutual TLS over undici the client’s certificate is its authentication, at the provider and at the API', async () => {
  const asked: string[] = []
  const secure = createServer(
    { ...serverPair, ca: [clientPair.cert], requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject
      let body = ''
      request.on('data', (chunk) => (body += String(chunk)))
      request.on('end', () => {
        asked.push(`${request.url} ${String(CN)} ${request.headers.authorization ?? body}`)
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end('{"access_token":"bound","token_type":"bearer","expires_in":60}')
      })
    },
  )
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
  const origin = `https://localhost:${(secure.address() as AddressInfo).port}`
  const agent = new Agent({ connect: { ...clientPair, ca: serverPair.cert } })
  try {
    const acme = new OAuth2Client({
      provider: { name: 'acme', server: { token_endpoint: `${origin}/token` } },
      clientId: 'id',
      clientAuth: 'none',
      transport: undiciTransport(agent),
      resourceOrigins: [origin],
    })
    const session = new OAuth2Session(acme, { token: grant })
    const dispatcher = agent.compose(withGrant(session))
    const { body } = await dispatcher.request({ origin, path: '/things', method: 'GET' })
    await body.dump()
    expect(asked).toEqual([
      '/token client refresh_token=r1&grant_type=refresh_token&client_id=id',
      '/things client Bearer bound',
    ])
  } finally {
    await agent.close()
    secure.closeAllConnections()
    secure.close()
  }
})
