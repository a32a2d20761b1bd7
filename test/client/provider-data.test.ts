import { describe, expect, test } from 'vitest'
import { ConfigError, InsecureTransportError } from '../../src/model/errors.ts'
import type { Provider } from '../../src/model/provider.ts'
import { beginLogin, json, makeClient, makeOldToken, metadata, scripted } from './setup.ts'

const answer = json({ access_token: 'at', token_type: 'bearer', expires_in: 60 })

describe('refreshEndpoint', () => {
  test('gets the refreshes, and nothing else', async () => {
    const { fetch, requests } = scripted(answer)
    const client = makeClient(fetch, {}, { refreshEndpoint: 'https://as.example/refresh' })
    await client.refresh(makeOldToken())
    await client.clientCredentials()
    const { pending, callback } = await beginLogin(client)
    await client.exchangeCode(callback, pending)
    await client.revoke('some-token')
    const { token_endpoint: token, revocation_endpoint: revocation } = metadata
    expect(requests.map(({ url }) => url)).toEqual(['https://as.example/refresh', token, token, revocation])
  })

  test('must be a URL that may get a refresh token', () => {
    const make = (refreshEndpoint: unknown) =>
      makeClient(scripted({}).fetch, {}, { refreshEndpoint: refreshEndpoint as string })
    expect(() => make('/refresh')).toThrow(/refreshEndpoint of provider 'acme' to be a URL/)
    expect(() => make(5)).toThrow(ConfigError)
    expect(() => make('http://as.example/refresh')).toThrow(InsecureTransportError)
  })
})

describe('bodyFormat', () => {
  const bodies: (BodyInit | null | undefined)[] = []
  const contentTypes: (string | null)[] = []
  const recording: typeof fetch = async (_input, init) => {
    bodies.push(init?.body)
    contentTypes.push(new Headers(init?.headers).get('content-type'))
    return answer.clone()
  }

  test('json is JSON, a parameter that comes twice a list; the client authenticates as ever', async () => {
    const client = makeClient(
      recording,
      { clientAuth: 'client_secret_post' },
      { bodyFormat: 'json', refreshParams: { tenant: 'ü"' } },
    )
    await client.refresh(makeOldToken())
    expect(contentTypes.at(-1)).toBe('application/json')
    expect(JSON.parse(bodies.at(-1) as string)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'old-refresh-token',
      tenant: 'ü"',
      client_id: 'web',
      client_secret: 'client-secret-value',
    })
    const twice = makeClient(
      recording,
      { clientAuth: ({ body }) => ['a', 'b'].forEach((each) => body.append('resource', each)) },
      { bodyFormat: 'json' },
    )
    await twice.refresh(makeOldToken())
    expect(JSON.parse(bodies.at(-1) as string)).toMatchObject({ resource: ['a', 'b'] })
  })

  test('is of token requests: revocation stays a form (RFC 7009)', async () => {
    await makeClient(recording, {}, { bodyFormat: 'json' }).revoke('some-token')
    expect(bodies.at(-1)).toBeInstanceOf(URLSearchParams)
  })

  test('is one of two', () => {
    expect(() => makeClient(recording, {}, { bodyFormat: 'xml' as never })).toThrow(/bodyFormat of provider 'acme'/)
  })
})

describe('headers', () => {
  test('go with every request to the provider, before the library’s own', async () => {
    const { fetch, requests } = scripted(() => json({ access_token: 'at', sub: 'u', active: true }))
    const client = makeClient(
      fetch,
      {},
      { headers: { 'Notion-Version': '2022-06-28', Accept: 'application/vnd.acme+json', 'user-agent': 'app/1' } },
    )
    await client.refresh(makeOldToken())
    await client.clientCredentials()
    await client.revoke('some-token')
    await client.introspect('some-token')
    await client.userInfo(makeOldToken())
    expect(requests).toHaveLength(5)
    for (const { headers } of requests) {
      expect(headers.get('notion-version')).toBe('2022-06-28')
      expect(headers.get('accept')).toBe('application/vnd.acme+json')
      expect(headers.get('user-agent')).toBe('app/1')
    }
    expect(requests.at(-1)!.headers.get('authorization')).toBe('Bearer old-access-token')
  })

  test('go with the discovery too', async () => {
    const { fetch, requests } = scripted(json(metadata), answer)
    const client = makeClient(fetch, {}, { server: metadata.issuer, headers: { 'x-api-key': 'k' } })
    await client.refresh(makeOldToken())
    expect(requests.map(({ headers }) => headers.get('x-api-key'))).toEqual(['k', 'k'])
  })

  test.each<[unknown, RegExp]>([
    [{ Authorization: 'x' }, /to be without Authorization/],
    [{ 'Content-Type': 'x' }, /to be without Content-Type/],
    [{ host: 'x' }, /to be without host/],
    [{ 'a b': 'x' }, /'a b'/],
    [{ a: 'x\r\ny: z' }, /'a'/],
    [{ a: 5 }, /'a'/],
    ['x', /to be an object/],
  ])('%j can’t be sent', (headers, message) => {
    const make = () => makeClient(scripted({}).fetch, {}, { headers: headers as never })
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(message)
  })
})

test.each<Partial<Record<keyof Provider, unknown>>>([
  { answerPath: 'body' },
  { answerPath: [''] },
  { handOut: 'instance_url' },
  { handOut: [5] },
  { tokenTypes: 'user' },
])('%j is refused when the client is made', (data) => {
  expect(() => makeClient(scripted({}).fetch, {}, data as Partial<Provider>)).toThrow(
    /to be a list of non-empty strings/,
  )
})
