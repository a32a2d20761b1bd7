import { expect, test } from 'vitest'
import {
  Grants,
  InsecureTransportError,
  importToken,
  OAuth2Client,
  OAuth2Session,
  OriginNotAllowedError,
  ProviderUnavailableError,
} from '../../../src/index.ts'
import { rejection, stage } from '../setup.ts'
import { answerJson, listen, type Loopback } from './loopback.ts'

const credentials = { clientId: 'client-id', clientSecret: 'client-secret' }

/** An authorization server, its API, and a server that is neither; the API redirects `/to-…` there or to itself. */
async function loopback(options: { expiresIn?: number; strangerStatus?: number } = {}) {
  const stranger = await listen((_request, response) => {
    answerJson(response, { stranger: true }, options.strangerStatus ?? 200)
  })
  const api = await listen((request, response) => {
    const code = Number(/^\/to-\w+-(\d+)$/.exec(request.path)?.[1] ?? 0)
    if (code === 0) return answerJson(response, { api: true })
    const location = request.path.startsWith('/to-stranger') ? `${stranger.origin}/landed` : '/landed'
    response.writeHead(code, { location }).end()
    return undefined
  })
  const server = await listen((_request, response) => {
    answerJson(response, { access_token: 'new-access', token_type: 'Bearer', expires_in: 3600 })
  })
  const client = new OAuth2Client({
    ...credentials,
    provider: { name: 'local', server: { token_endpoint: `${server.origin}/token` } },
    resourceOrigins: [api.origin],
  })
  const token = {
    access_token: 'the-access-token',
    refresh_token: 'the-refresh-token',
    expires_in: options.expiresIn ?? 3600,
  }
  return { stranger, api, server, session: new OAuth2Session(client, { token }) }
}

const tokensAt = ({ seen }: Loopback) => seen.map(({ headers }) => headers.authorization)

test('the token goes to the client’s resource origins and to no other: nothing is sent there, and nothing refreshed for it', async () => {
  const { api, server, session, stranger } = await loopback({ expiresIn: 0 })
  for (const input of [
    stranger.origin,
    new URL(stranger.origin),
    new Request(stranger.origin, { method: 'POST', body: 'x' }),
  ]) {
    const error = await rejection(session.fetch(input))
    expect(error).toBeInstanceOf(OriginNotAllowedError)
    expect(error).toMatchObject({ origin: stranger.origin })
    expect(error.message).toContain('resourceOrigins')
  }
  expect([...stranger.seen, ...server.seen, ...api.seen]).toEqual([])
  expect((await session.fetch(`${api.origin}/me`)).status).toBe(200)
  expect(tokensAt(api)).toEqual(['Bearer new-access'])
})

test.each([301, 302, 303, 307, 308])(
  'the token does not go along a redirect (%i) to another origin',
  async (status) => {
    const { api, session, stranger } = await loopback()
    const response = await session.fetch(`${api.origin}/to-stranger-${status}`)
    expect(await response.json()).toEqual({ stranger: true })
    expect(tokensAt(api)).toEqual(['Bearer the-access-token'])
    expect(tokensAt(stranger)).toEqual([undefined])
    expect(JSON.stringify(stranger.seen)).not.toContain('the-access-token')
  },
)

test('the token goes along a redirect within an origin', async () => {
  const { api, session } = await loopback()
  expect((await session.fetch(`${api.origin}/to-itself-302`)).status).toBe(200)
  expect(tokensAt(api)).toEqual(['Bearer the-access-token', 'Bearer the-access-token'])
})

test('a 401 of another origin, which never got the token, costs no refresh', async () => {
  const { api, server, session, stranger } = await loopback({ strangerStatus: 401 })
  const response = await session.fetch(`${api.origin}/to-stranger-302`)
  expect(response.status).toBe(401)
  expect(server.seen).toEqual([])
  expect(stranger.seen).toHaveLength(1)
})

const allowed = async (resourceOrigins: readonly string[] | undefined, url: string) => {
  const sent: string[] = []
  const { client, scripted } = stage({
    client: {
      ...(resourceOrigins !== undefined && { resourceOrigins }),
      fetch: (input) => {
        sent.push(new Request(input).url)
        return Promise.resolve(new Response())
      },
    },
  })
  const session = new OAuth2Session(client, { token: scripted.issue() })
  const error = await session.fetch(url).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(sent).toHaveLength(error === undefined ? 1 : 0)
  return error
}

test.each(['https://api.example/', 'https://API.example:443/path?query', 'https://provider.example/userinfo'])(
  'an origin of the provider (%s) gets the token without being named',
  async (url) => {
    expect(await allowed(undefined, url)).toBeUndefined()
  },
)

test.each([
  'https://api.example.evil.example/',
  'https://evil-api.example/',
  'https://api.example:8443/',
  'https://api.example@evil.example/',
  'https://evil.example/https://api.example/',
  'https://evil.example/?https://api.example',
  'https://sub.api.example/',
  'https://api.example./',
  'https://evil.example\\@api.example/',
])('an origin that only looks like one (%s) gets nothing', async (url) => {
  expect(await allowed(undefined, url)).toBeInstanceOf(OriginNotAllowedError)
  expect(await allowed(['https://api.example'], url)).toBeInstanceOf(OriginNotAllowedError)
})

test.each(['http://api.example/', 'ftp://api.example/', 'data:text/plain,hello', 'ws://api.example/'])(
  'an origin without TLS (%s) gets nothing, whatever is allowed',
  async (url) => {
    for (const origins of [undefined, ['*'], ['http://api.example']]) {
      expect(await allowed(origins, url)).toBeInstanceOf(InsecureTransportError)
    }
  },
)

test('an origin pattern of a domain fits its subdomains, not the domain and no name that ends like it', async () => {
  const whole = ['https://*.example.com']
  expect(await allowed(whole, 'https://a.example.com/')).toBeUndefined()
  expect(await allowed(whole, 'https://a.b.example.com/')).toBeUndefined()
  for (const url of ['https://example.com/', 'https://badexample.com/', 'https://a.example.com.evil.example/']) {
    expect(await allowed(whole, url)).toBeInstanceOf(OriginNotAllowedError)
  }
})

test('an origin that is checked only after the server’s metadata is loaded gets no token', async () => {
  const { client, scripted } = stage({ provider: { server: 'https://provider.example' } })
  const session = new OAuth2Session(client, { token: { ...scripted.issue(), expires_in: 0 } })
  expect(await rejection(session.fetch('https://evil.example/'))).toBeInstanceOf(OriginNotAllowedError)
  expect(scripted.requests.every(({ endpoint }) => endpoint === 'metadata')).toBe(true)
  expect((await session.fetch(scripted.resource)).status).toBe(200)
})

test('an origin that is checked only after the tenant’s client is looked up gets no token', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: (name) => Promise.resolve(name === 'acme' ? client : undefined), clock })
  await (await grants.save('acme', 'ann', scripted.issue())).token()
  const elsewhere = new Grants({ clients: () => Promise.resolve(client), clock }).session('acme', 'ann')
  for (const session of [grants.session('acme', 'ann'), elsewhere]) {
    expect(await rejection(session.fetch('https://evil.example/'))).toBeInstanceOf(OriginNotAllowedError)
  }
  expect(scripted.requests).toEqual([])
  await grants.close()
})

test.each([301, 302, 307, 308])(
  'a token endpoint that redirects (%i) gets no one’s credentials sent on',
  async (status) => {
    const stranger = await listen((_request, response) => answerJson(response, { access_token: 'stolen' }))
    const server = await listen((_request, response) => {
      response.writeHead(status, { location: `${stranger.origin}/token` }).end()
    })
    const client = new OAuth2Client({
      ...credentials,
      provider: {
        name: 'local',
        server: {
          authorization_endpoint: `${server.origin}/authorize`,
          token_endpoint: `${server.origin}/token`,
          revocation_endpoint: `${server.origin}/revoke`,
        },
      },
      redirectUri: 'http://localhost/callback',
    })
    const pending = await client.authorizationRequest()
    const token = importToken({ access_token: 'the-access-token', refresh_token: 'the-refresh-token' })
    for (const attempt of [
      () => client.exchangeCode(`/callback?code=the-code&state=${pending.state}`, pending),
      () => client.refresh(token),
      () => client.revoke(token),
      () => client.clientCredentials(),
    ]) {
      const error = await rejection(attempt())
      expect(error).toBeInstanceOf(ProviderUnavailableError)
      expect(error).toMatchObject({ status })
    }
    expect(server.seen).toHaveLength(4)
    expect(stranger.seen).toEqual([])
  },
)
