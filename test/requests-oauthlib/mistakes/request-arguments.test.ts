import { expect, test } from 'vitest'
import { ConfigError, importToken, OAuth2Client, OAuth2Session } from '../../../src/index.ts'
import { basic, entries, rejection, stage } from '../setup.ts'
import { answerJson, listen } from './loopback.ts'

/** An authorization server and its API in one, and a session whose token is spent. */
async function spent() {
  const server = await listen((request, response) => {
    if (request.path.startsWith('/token'))
      answerJson(response, { access_token: 'new-access', token_type: 'Bearer', expires_in: 3600 })
    else answerJson(response, { ok: true })
  })
  const client = new OAuth2Client({
    provider: { name: 'local', server: { token_endpoint: `${server.origin}/token` } },
    clientId: 'client-id',
    clientSecret: 'client-secret',
  })
  const token = { access_token: 'old-access', refresh_token: 'old-refresh', expires_in: 0 }
  return { server, session: new OAuth2Session(client, { token }) }
}

const text = JSON.stringify({ private: 'payload' })
const headers = { 'x-private': 'header-value', cookie: 'private=cookie', 'content-type': 'application/json' }

test.each<[what: string, make: (url: string) => Parameters<typeof fetch>, sent: string]>([
  ['a plain GET', (url) => [url], ''],
  [
    'every option of fetch',
    (url) => [url, { redirect: 'error', cache: 'no-store', keepalive: true, referrer: '', mode: 'cors', headers }],
    '',
  ],
  ['JSON', (url) => [url, { method: 'POST', body: text, headers }], text],
  ['a form', (url) => [url, { method: 'PUT', body: new URLSearchParams({ private: 'payload' }) }], 'private=payload'],
  ['a Request with a body', (url) => [new Request(url, { method: 'PATCH', body: text, headers })], text],
  [
    'options that other libraries have',
    (url) => [
      url,
      { method: 'GET', timeout: 5, json: { private: 'payload' }, params: { private: 'payload' } } as RequestInit,
    ],
    '',
  ],
])('a refresh has nothing of the request that caused it: %s', async (_what, make, sent) => {
  const { server, session } = await spent()
  const response = await session.fetch(...make(`${server.origin}/api?query=private`))
  expect(response.status).toBe(200)
  const [refresh, resource] = server.seen
  expect(server.seen).toHaveLength(2)
  expect(refresh!.path).toBe('/token')
  expect(entries(new URLSearchParams(refresh!.body))).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'old-refresh',
  })
  expect(refresh!.headers.authorization).toBe(basic('client-id', 'client-secret'))
  expect(JSON.stringify(refresh)).not.toMatch(/private|payload/)
  expect(resource!.path).toBe('/api?query=private')
  expect(resource!.body).toBe(sent)
  expect(resource!.headers.authorization).toBe('Bearer new-access')
  if (sent === text) expect(resource!.headers['x-private']).toBe('header-value')
})

const refresh = async (params: Record<string, string>) => {
  const { client, clock, scripted } = stage({ provider: { refreshParams: { audience: 'provider', tenant: 'one' } } })
  await client.refresh(importToken(scripted.issue(), { now: clock.now() }), { params })
  return entries(scripted.tokenRequests[0]!.params)
}

test('what is added to a refresh on purpose is the call’s, where the call and the provider’s data name the same parameter', async () => {
  expect(await refresh({ audience: 'call' })).toMatchObject({ audience: 'call', tenant: 'one' })
  expect(await refresh({})).toMatchObject({ audience: 'provider', tenant: 'one' })
})

test.each(['refresh_token', 'grant_type', 'client_id', 'client_secret'])(
  'what is added to a refresh on purpose is never %s, which the client sets',
  async (name) => {
    expect(await rejection(refresh({ [name]: 'another' }))).toBeInstanceOf(ConfigError)
    expect(() => stage({ provider: { refreshParams: { [name]: 'another' } } })).toThrow(ConfigError)
  },
)
