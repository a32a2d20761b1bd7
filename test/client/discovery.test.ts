import { describe, expect, test, vi } from 'vitest'
import { oauthMetadataUrl, openidMetadataUrl } from '../../src/client/server-metadata.ts'
import type { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { coreOf } from '../../src/client/oauth2-client.ts'
import { DiscoveryError } from '../../src/model/errors.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { issuer, json, makeClient, makeOldToken, metadata, NOW, rejection, scripted } from './setup.ts'

const OAUTH = `${issuer}/.well-known/oauth-authorization-server`
const OPENID = `${issuer}/.well-known/openid-configuration`

/** A server with these responses, and 404 for every other URL. */
function site(answers: Record<string, Response | Error | (() => Response)>): { fetch: typeof fetch; urls: string[] } {
  const { fetch, requests } = scripted((request) => {
    const found = answers[request.url]
    const answer = typeof found === 'function' ? found() : found
    if (answer instanceof Error) throw answer
    return answer === undefined ? json({}, { status: 404 }) : answer.clone()
  })
  return {
    fetch,
    get urls() {
      return requests.map((request) => request.url)
    },
  }
}

const discovering = (fetch: typeof globalThis.fetch, server: string = issuer, options: object = {}): OAuth2Client =>
  makeClient(fetch, options, { server })

const failure = (answers: Parameters<typeof site>[0], server = issuer): Promise<Error & Record<string, unknown>> =>
  rejection(discovering(site(answers).fetch, server).authorizationRequest())

test.each([
  ['https://as.example', '/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'],
  ['https://as.example/', '/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'],
  ['https://as.example/t/1', '/.well-known/oauth-authorization-server/t/1', '/t/1/.well-known/openid-configuration'],
  ['https://as.example/t/1/', '/.well-known/oauth-authorization-server/t/1', '/t/1/.well-known/openid-configuration'],
])('the metadata of %s is at %s (RFC 8414) and %s (OpenID Connect)', (server, oauth, openid) => {
  expect(new URL(oauthMetadataUrl(server)).pathname).toBe(oauth)
  expect(new URL(openidMetadataUrl(server)).pathname).toBe(openid)
})

describe('a server given by its issuer', () => {
  test('is asked for RFC 8414 metadata first', async () => {
    const server = site({ [OAUTH]: json(metadata) })
    const pending = await discovering(server.fetch).authorizationRequest()
    expect(pending).toMatchObject({ issuer, tokenEndpoint: metadata.token_endpoint })
    expect(server.urls).toEqual([OAUTH])
  })

  test.each([
    ['isn’t there', json({}, { status: 404 })],
    ['is HTML', new Response('<html>')],
    ['is a list', json([])],
    ['is too long', json({ ...metadata, padding: 'x'.repeat(1_100_000) })],
    ['is of another issuer', json({ ...metadata, issuer: 'https://other.example' })],
    ['lacks a token endpoint', json({ issuer })],
    ['fails (500)', json({}, { status: 500 })],
    ['can’t be reached', new TypeError('fetch failed')],
  ])('is asked for OpenID Connect’s when the first document %s', async (_, answer) => {
    const server = site({ [OAUTH]: answer, [OPENID]: json(metadata) })
    await expect(discovering(server.fetch).authorizationRequest()).resolves.toMatchObject({ issuer })
    expect(server.urls).toEqual([OAUTH, OPENID])
  })

  test.each([`${issuer}/`, 'https://AS.example', 'https://as.example:443', 'https://as.example/t'])(
    'has to name itself exactly so: %s is another issuer',
    async (named) => {
      const error = await failure({ [OAUTH]: json({ ...metadata, issuer: named }) })
      expect(error).toBeInstanceOf(DiscoveryError)
      expect(error).toMatchObject({ retryable: false })
      expect(error.message).toContain(`"${named}"`)
    },
  )

  test('without usable metadata is an error that says what was found where', async () => {
    const error = await failure({ [OAUTH]: json({}, { status: 403 }) })
    expect(error).toMatchObject({ retryable: false, status: 404 })
    expect(error.message).toContain(`${OAUTH}: status 403.`)
    expect(error.message).toContain(`${OPENID}: status 404.`)
  })

  test('that can’t be reached is an error that may pass', async () => {
    const down = Object.assign(new TypeError('fetch failed'), { code: 'ECONNREFUSED' })
    expect(await failure({ [OAUTH]: down, [OPENID]: down })).toMatchObject({ name: 'DiscoveryError', retryable: true })
    expect(await failure({ [OAUTH]: json({}, { status: 503 }), [OPENID]: json({}, { status: 503 }) })).toMatchObject({
      retryable: true,
      status: 503,
    })
    // One of the two may come back, whatever the other says.
    for (const answers of [
      { [OAUTH]: json({}, { status: 503 }), [OPENID]: json({}, { status: 404 }) },
      { [OAUTH]: json({}, { status: 404 }), [OPENID]: down },
    ])
      expect(await failure(answers)).toMatchObject({ name: 'DiscoveryError', retryable: true })
  })

  test('with an insecure endpoint is refused', async () => {
    const error = await failure({ [OAUTH]: json({ ...metadata, token_endpoint: 'http://as.example/token' }) })
    expect(error).toBeInstanceOf(DiscoveryError)
    expect(error.message).toContain('http://as.example')
  })

  test.each<[string, Record<string, string>]>([
    ['a token endpoint', { token_endpoint: 'http://127.0.0.1:8080/token' }],
    ['a token endpoint over https', { token_endpoint: 'https://127.0.0.1/token' }],
    ['a name', { token_endpoint: 'http://localhost/token' }],
    ['a name with a dot', { token_endpoint: 'https://localhost./token' }],
    ['a name below localhost', { token_endpoint: 'https://a.localhost/token' }],
    ['a short number', { token_endpoint: 'https://127.1/token' }],
    ['a hexadecimal number', { token_endpoint: 'https://0x7f000001/token' }],
    ['one number', { token_endpoint: 'https://2130706433/token' }],
    ['the unspecified address', { token_endpoint: 'https://0.0.0.0/token' }],
    ['zero', { token_endpoint: 'https://0/token' }],
    ['IPv6', { token_endpoint: 'https://[::1]/token' }],
    ['the unspecified address of IPv6', { token_endpoint: 'https://[::]/token' }],
    ['IPv4 in IPv6', { token_endpoint: 'https://[::ffff:127.0.0.1]/token' }],
    ['the unspecified address in IPv6', { token_endpoint: 'https://[::ffff:0.0.0.0]/token' }],
    ['compatible IPv4 in IPv6', { token_endpoint: 'https://[::127.0.0.1]/token' }],
    ['translated IPv4 in IPv6', { token_endpoint: 'https://[64:ff9b::127.0.0.1]/token' }],
    ['a name of host files', { token_endpoint: 'https://ip6-localhost/token' }],
    ['another one', { token_endpoint: 'https://localhost.localdomain/token' }],
    ['an authorization endpoint', { authorization_endpoint: 'http://localhost/authorize' }],
    ['a revocation endpoint', { revocation_endpoint: 'http://127.0.0.1/revoke' }],
    ['an introspection endpoint', { introspection_endpoint: 'http://127.8.8.8/introspect' }],
    ['a user info endpoint', { userinfo_endpoint: 'https://[::1]:8443/me' }],
    ['a device endpoint', { device_authorization_endpoint: 'http://localhost:1/device' }],
    ['keys', { jwks_uri: 'http://127.0.0.1/jwks' }],
    ['keys over https', { jwks_uri: 'https://localhost/jwks' }],
    ['an endpoint that nothing is sent to', { end_session_endpoint: 'https://127.0.0.1/end' }],
  ])('can’t name this machine: %s', async (_, changes) => {
    for (const place of [issuer, OPENID]) {
      const { fetch, requests } = scripted(() => json({ ...metadata, ...changes }))
      for (const redirectUri of [undefined, 'http://localhost:3000/callback']) {
        const client = makeClient(fetch, { redirectUri, allowInsecureRequests: true }, { server: place })
        const error = await rejection(client.clientCredentials())
        expect(error).toMatchObject({ name: 'DiscoveryError', retryable: false })
        expect(error.message).toContain(Object.keys(changes)[0])
      }
      expect(requests.filter(({ url }) => !url.includes('.well-known'))).toEqual([])
    }
  })

  test.each([
    'https://127.0.0.1.evil.example',
    'https://localhost.evil.example',
    'https://128.0.0.1',
    'https://10.0.0.1',
    'https://[::2]',
    'https://[fd00::1]',
    'https://[::ffff:8.8.8.8]',
  ])('may name %s, which is elsewhere', async (origin) => {
    const server = site({ [OAUTH]: json({ ...metadata, token_endpoint: `${origin}/token` }) })
    await expect(discovering(server.fetch).authorizationRequest()).resolves.toMatchObject({ issuer })
  })

  test('may lead anywhere on this machine when it is here itself', async () => {
    const here = 'http://127.0.0.1:4000'
    const found = { issuer: here, authorization_endpoint: `${here}/a`, token_endpoint: 'http://localhost:4000/token' }
    const { fetch } = scripted(json(found))
    const client = makeClient(fetch, { redirectUri: 'http://localhost:3000/callback' }, { server: here })
    await expect(client.authorizationRequest()).resolves.toMatchObject({ issuer: here })
  })

  test('is known to the core by its issuer without being asked', async () => {
    const server = site({})
    expect(await coreOf(discovering(server.fetch)).issuer()).toBe(issuer)
    expect(coreOf(discovering(server.fetch)).knownIssuer).toBe(issuer)
    expect(coreOf(discovering(server.fetch, OPENID)).knownIssuer).toBeUndefined()
    expect(server.urls).toEqual([])
  })
})

describe('a server given by its metadata document', () => {
  const document = `${issuer}/tenant/.well-known/openid-configuration?p=policy`

  test('is requested exactly there, and may have another issuer', async () => {
    const server = site({ [document]: json({ ...metadata, issuer: 'https://issuer.example/v2' }) })
    const client = discovering(server.fetch, document)
    expect(await coreOf(client).issuer()).toBe('https://issuer.example/v2')
    expect(server.urls).toEqual([document])
  })

  test('may be any JSON file', async () => {
    const server = site({ 'https://as.example/metadata.json': json(metadata) })
    await discovering(server.fetch, 'https://as.example/metadata.json').authorizationRequest()
    expect(server.urls).toEqual(['https://as.example/metadata.json'])
  })

  test('causes an error if it cannot be loaded', async () => {
    expect(await failure({}, document)).toMatchObject({ name: 'DiscoveryError', status: 404 })
  })
})

describe('a redirect of a metadata document', () => {
  const to = (location: string, status = 302): Response => new Response(null, { status, headers: { location } })

  test('is followed on the same origin', async () => {
    const server = site({ [OAUTH]: to('/a'), [`${issuer}/a`]: to(`${issuer}/b`, 301), [`${issuer}/b`]: json(metadata) })
    await discovering(server.fetch).authorizationRequest()
    expect(server.urls).toEqual([OAUTH, `${issuer}/a`, `${issuer}/b`])
  })

  test.each(['https://evil.example/', 'http://as.example/', '//evil.example', 'https://as.example:8443/', 'https://['])(
    'elsewhere (%s) is refused',
    async (location) => {
      const server = site({ [OAUTH]: to(location), [OPENID]: to(location) })
      const error = await rejection(discovering(server.fetch).authorizationRequest())
      expect(error).toMatchObject({ name: 'DiscoveryError', retryable: false, status: 302 })
      expect(error.message).toContain('another origin')
      expect(server.urls).toEqual([OAUTH, OPENID])
    },
  )

  test('is followed three times, not for ever', async () => {
    const server = site({ [OAUTH]: to(OAUTH) })
    const error = await rejection(discovering(server.fetch).authorizationRequest())
    expect(error.message).toContain('too often')
    expect(server.urls.filter((url) => url === OAUTH)).toHaveLength(4)
  })

  test('without a location is a response like any other', async () => {
    expect(await failure({ [OAUTH]: new Response(null, { status: 302 }) })).toMatchObject({ name: 'DiscoveryError' })
  })
})

describe('metadata', () => {
  test('is asked for once by any number of callers', async () => {
    const server = site({ [OAUTH]: json(metadata) })
    const client = discovering(server.fetch)
    await Promise.all(Array.from({ length: 50 }, () => client.authorizationRequest()))
    await client.authorizationRequest()
    expect(server.urls).toEqual([OAUTH])
  })

  test('is used after its hour while newer metadata is requested', async () => {
    let now = NOW
    let answer = json(metadata)
    const server = site({ [OAUTH]: () => answer })
    const warn = vi.fn()
    const logger = { debug() {}, info() {}, warn, error() {} }
    const client = discovering(server.fetch, issuer, { clock: { now: () => now }, logger })
    const endpoint = async (): Promise<string> => (await client.authorizationRequest()).tokenEndpoint
    await endpoint()
    now += 3_599_999
    await endpoint()
    expect(server.urls).toHaveLength(1)

    now += 1
    answer = json({}, { status: 503 })
    await Promise.all(Array.from({ length: 50 }, endpoint))
    await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce())
    const asked = server.urls.length
    expect(asked).toBe(3)
    // Not at every call while it is down.
    now += 59_999
    await endpoint()
    expect(server.urls).toHaveLength(asked)

    now += 1
    answer = json({ ...metadata, token_endpoint: `${issuer}/token2` })
    expect(await endpoint()).toBe(`${issuer}/token`)
    await vi.waitFor(async () => expect(await endpoint()).toBe(`${issuer}/token2`))
    expect(server.urls).toHaveLength(asked + 1)
  })

  test('is used while its renewal hangs, for hours, and its renewal is tried again', async () => {
    const clock = fakeClock()
    let hangs = false
    let asked = 0
    const fetch: typeof globalThis.fetch = async () => {
      asked += 1
      return hangs ? new Promise(() => {}) : json(metadata)
    }
    const client = discovering(fetch, issuer, { clock })
    await client.authorizationRequest()
    hangs = true
    for (let hour = 1; hour <= 3; hour += 1) {
      await clock.advance(3_600_001)
      const began = clock.now()
      await expect(client.authorizationRequest()).resolves.toMatchObject({ issuer })
      expect(clock.now()).toBe(began)
      await clock.advance(10_001)
    }
    expect(asked).toBeGreaterThanOrEqual(4)
  })

  test.each([
    ['of another issuer', { issuer: 'https://other.example' }],
    ['without its issuer', { issuer: undefined }],
    ['that sends credentials over plain http', { token_endpoint: 'http://as.example/token' }],
    ['without token endpoint', { token_endpoint: undefined }],
    ['that leads to this machine', { token_endpoint: 'https://127.0.0.1/token' }],
  ])('%s is refused at its renewal, and the earlier one kept', async (_, changes) => {
    for (const place of [issuer, `${issuer}/.well-known/oauth-authorization-server`]) {
      let now = NOW
      let answer = json(metadata)
      const warn = vi.fn()
      const logger = { debug() {}, info() {}, warn, error() {} }
      const client = discovering(site({ [OAUTH]: () => answer }).fetch, place, { clock: { now: () => now }, logger })
      await client.authorizationRequest()
      now += 3_600_000
      answer = json({ ...metadata, revocation_endpoint: `${issuer}/other`, ...changes })
      await client.authorizationRequest()
      await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce())
      await expect(client.authorizationRequest()).resolves.toMatchObject({ issuer, tokenEndpoint: `${issuer}/token` })
    }
  })

  test('that could not be loaded is not remembered, and the next call asks again', async () => {
    let answer = json({}, { status: 503 })
    const client = discovering(site({ [OAUTH]: () => answer }).fetch)
    await expect(client.authorizationRequest()).rejects.toThrow(DiscoveryError)
    answer = json(metadata)
    await expect(client.authorizationRequest()).resolves.toBeDefined()
  })

  test('that takes too long is an error that may pass', async () => {
    const clock = { now: () => NOW, delay: () => Promise.resolve() }
    const error = await rejection(
      discovering(() => new Promise(() => {}), issuer, { clock, timeoutMs: 77 }).authorizationRequest(),
    )
    expect(error).toMatchObject({ name: 'DiscoveryError', retryable: true })
    expect(error.message).toContain('77 ms')
  })

  test('is requested again if the host has stopped the earlier request with its timers', async () => {
    let monotonic = 0
    let asked = 0
    const fetch: typeof globalThis.fetch = async () => {
      asked += 1
      return asked === 1 ? new Promise(() => {}) : json(metadata)
    }
    const clock = { now: () => NOW, monotonic: () => monotonic, delay: () => new Promise<void>(() => {}) }
    const client = discovering(fetch, issuer, { clock, timeoutMs: 1000 })
    void client.authorizationRequest()
    await vi.waitFor(() => expect(asked).toBe(1))
    monotonic = 1001
    await expect(client.authorizationRequest()).resolves.toMatchObject({ issuer })
    expect(asked).toBe(2)
  })

  test('goes on being asked for when the caller who began gives up', async () => {
    let answer: (response: Response) => void = () => {}
    const fetch: typeof globalThis.fetch = () => new Promise((resolve) => (answer = resolve))
    const client = discovering(fetch)
    const controller = new AbortController()
    const first = rejection(client.clientCredentials({ signal: controller.signal }))
    const second = client.authorizationRequest()
    controller.abort(new Error('enough'))
    expect((await first).message).toBe('enough')
    answer(json(metadata))
    await expect(second).resolves.toMatchObject({ issuer })
  })

  test('may lack an issuer in a document that is given by its URL', async () => {
    const { issuer: _, ...anonymous } = metadata
    const document = `${issuer}/.well-known/oauth`
    const client = discovering(site({ [document]: json(anonymous) }).fetch, document)
    await expect(client.authorizationRequest()).resolves.not.toHaveProperty('issuer')
  })

  test('keeps working for a refresh while the server’s discovery is down', async () => {
    let now = NOW
    let down = false
    const { fetch } = scripted((request) => {
      if (!request.url.includes('.well-known')) return json({ access_token: 'new-access-token', token_type: 'bearer' })
      return down ? json({}, { status: 500 }) : json(metadata)
    })
    const client = discovering(fetch, issuer, { clock: { now: () => now } })
    await client.refresh(makeOldToken())
    down = true
    now += 24 * 3_600_000
    await expect(client.refresh(makeOldToken())).resolves.toMatchObject({ accessToken: 'new-access-token' })
  })
})
