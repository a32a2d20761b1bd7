import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { coreOf, OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import { ConfigError, InsecureTransportError } from '../../src/model/errors.ts'
import { acme, issuer, makeClient, makeOldToken, metadata, scripted } from './setup.ts'

const good: OAuth2ClientOptions = { provider: acme(), clientId: 'web', clientSecret: 'client-secret-value' }
const make = (changes: object): OAuth2Client => new OAuth2Client({ ...good, ...changes })

test.each<[string, object]>([
  ['provider', { provider: undefined }],
  ['provider', { provider: { server: metadata } }],
  ['provider', { provider: acme({ name: '' }) }],
  ['server', { provider: { name: 'acme' } }],
  ['server', { provider: { name: 'acme', server: 'acme' } }],
  ['server', { provider: { name: 'acme', server: null } }],
  ['token_endpoint', { provider: acme({ server: { issuer } as never }) }],
  ['token_endpoint', { provider: acme({ server: { token_endpoint: '/token' } }) }],
  ['issuer', { provider: acme({ server: { ...metadata, issuer: 'as.example' } }) }],
  ['issuer', { provider: acme({ server: `${issuer}?x=1` }) }],
  ['issuer', { provider: acme({ server: `${issuer}#x` }) }],
  ['userinfo_endpoint', { provider: acme({ server: { ...metadata, userinfo_endpoint: 'me' } }) }],
  ['client_id', { provider: acme({ authorizationParams: { client_id: 'x' } }) }],
  ['refresh_token', { provider: acme({ refreshParams: { refresh_token: 'x' } }) }],
  ['code', { provider: acme({ tokenParams: { code: 'x' } }) }],
  ['clientAuth', { provider: acme({ clientAuth: 'basic' as never }) }],
  ['resourceOrigins', { provider: acme({ resourceOrigins: ['api.example'] }) }],
  ['clientId', { clientId: '' }],
  ['clientId', { clientId: undefined }],
  ['clientSecret', { clientSecret: '' }],
  ['clientSecret', { clientSecret: [] }],
  ['clientSecret', { clientSecret: ['x', ''] }],
  ['clientSecret', { clientSecret: 5 }],
  ['clientSecret', { clientSecret: undefined, clientAuth: 'client_secret_post' }],
  ['environment variable', { clientSecret: undefined }],
  ['environment variable', { clientSecret: undefined, clientAuth: undefined }],
  ['clockToleranceMs', { clockToleranceMs: -1 }],
  ['clockToleranceMs', { clockToleranceMs: 300_001 }],
  ['clockToleranceMs', { clockToleranceMs: '60' }],
  ['clockToleranceMs', { clockToleranceMs: Number.NaN }],
  ['offline', { offline: 'no' }],
  ['userAgent', { userAgent: '' }],
  ['userAgent', { userAgent: 'a\nb' }],
  ['offline.params', { provider: acme({ offline: { params: { state: 'x' } } }) }],
  ['offline', { provider: acme({ offline: 'never' as never }) }],
  ['consentParams', { provider: acme({ consentParams: { scope: 'x' } }) }],
  ['idTokenAlgs', { provider: acme({ idTokenAlgs: 'RS256' as never }) }],
  ['formerIssuers', { provider: acme({ formerIssuers: [''] }) }],
  ['callbackParams', { provider: acme({ callbackParams: ['realmId', 'code'] }) }],
  ['tokenOriginFrom.param', { provider: acme({ tokenOriginFrom: { param: 'state', allowed: [issuer] } }) }],
  ['tokenOriginFrom.allowed', { provider: acme({ tokenOriginFrom: { param: 'a', allowed: ['https://a.eu/x'] } }) }],
  [
    'tokenOriginFrom.allowed',
    { provider: acme({ tokenOriginFrom: { param: 'a', allowed: 'https://a.eu' as never } }) },
  ],
  ['clientAuth', { clientAuth: 'basic' }],
  ['redirectUri', { redirectUri: '/callback' }],
  ['redirectUri', { redirectUri: 'https://app.example/#' }],
  ['scope', { scope: 5 }],
  ['resourceOrigins', { resourceOrigins: ['https://api.example/path'] }],
  ['timeoutMs', { timeoutMs: 0 }],
  ['timeoutMs', { timeoutMs: Number.NaN }],
  ['timeoutMs', { timeoutMs: 2 ** 31 }],
  ['timeoutMs', { timeoutMs: '10' }],
  ['fetch', { fetch: 'fetch' }],
  ['transport', { transport: 'undici' }],
  ['clock', { clock: {} }],
  ['clock', { clock: null }],
  ['logger', { logger: { info() {} } }],
  ['logger', { logger: null }],
])('options that are wrong are refused at construction, by a ConfigError that names them %s: %j', (name, changes) => {
  expect(() => make(changes)).toThrow(ConfigError)
  expect(() => make(changes)).toThrow(name)
})

test('a client without options is refused', () => {
  expect(() => new OAuth2Client(undefined as never)).toThrow(ConfigError)
})

test('no message about a wrong option shows a secret', () => {
  try {
    make({ clientSecret: ['client-secret-value', ''] })
  } catch (error) {
    expect(inspect(error)).not.toContain('client-secret-value')
  }
  expect.assertions(1)
})

test('options are read once: neither they nor the provider are changed, and a later change of theirs does nothing', async () => {
  const deepFreeze = <T extends object>(value: T): T => {
    for (const member of Object.values(value))
      if (typeof member === 'object' && member !== null) deepFreeze(member as object)
    return Object.freeze(value)
  }
  const { fetch, last } = scripted({ body: { access_token: 'x', token_type: 'bearer' } })
  const resourceOrigins = ['https://api.example']
  const options = { ...good, scope: ['a'], resourceOrigins, fetch }
  deepFreeze(options.provider)
  const client = new OAuth2Client(Object.freeze(options))
  resourceOrigins.push('https://evil.example')
  await client.refresh(makeOldToken())
  expect(last().url).toBe(metadata.token_endpoint)
  expect(() => coreOf(client).assertResource(new URL('https://evil.example'))).toThrow()
})

test('a client shows nothing of itself to inspect, JSON or enumeration', () => {
  const client = makeClient(scripted().fetch)
  expect(inspect(client, { depth: null, showHidden: true })).not.toContain('client-secret-value')
  expect(JSON.stringify(client)).toBe('{}')
  expect(Object.keys(client)).toEqual([])
  expect(Object.getOwnPropertyNames(OAuth2Client.prototype).sort()).toEqual(
    [
      'constructor',
      'authorizationRequest',
      'clientCredentials',
      'exchangeCode',
      'introspect',
      'refresh',
      'revoke',
      'userInfo',
    ].sort(),
  )
})

test('the core of anything but a client is a ConfigError', () => {
  for (const value of [undefined, null, {}, 'client']) expect(() => coreOf(value as never)).toThrow(ConfigError)
})

test('the core returns the registration, and the fetch that the client was given', async () => {
  const { fetch, requests } = scripted({ body: {} })
  const core = coreOf(makeClient(fetch, { timeoutMs: 5 }))
  expect(core).toMatchObject({
    name: 'acme',
    clientId: 'web',
    timeoutMs: 5,
    logger: undefined,
  })
  await core.fetch('https://api.example/')
  expect(requests).toHaveLength(1)
  expect(await core.issuer()).toBe(issuer)
  const { issuer: _, ...server } = metadata
  expect(await coreOf(makeClient(fetch, {}, { server })).issuer()).toBe(metadata.token_endpoint)
})

const at = (url: string, options: object = {}): OAuth2Client =>
  make({ provider: acme({ server: { issuer: url, token_endpoint: `${url}/token` } }), ...options })

test.each([
  'http://127.0.0.1:4000',
  'http://127.9.9.9',
  'http://localhost:4000',
  'http://as.localhost',
  'http://[::1]:4000',
])('plain http is for loopback: %s', (url) => {
  expect(() => at(url)).not.toThrow()
  expect(() => at(url, { redirectUri: 'http://localhost:3000/cb' })).not.toThrow()
  expect(() => at(url, { redirectUri: 'com.example.app:/cb' })).not.toThrow()
})

test.each([
  'http://as.example',
  'http://127.0.0.1.evil.example',
  'http://localhost.evil.example',
  'http://evillocalhost',
  'http://10.0.0.1',
  'http://128.0.0.1',
  'http://[::2]',
  'ftp://as.example',
])('plain http is refused off loopback, whatever is allowed: %s', (url) => {
  expect(() => at(url)).toThrow(InsecureTransportError)
  expect(() => at(url, { allowInsecureRequests: true })).toThrow(InsecureTransportError)
})

test('plain http wants allowInsecureRequests where the program itself is reached from elsewhere', () => {
  const redirectUri = 'https://app.example/cb'
  expect(() => at('http://127.0.0.1:4000', { redirectUri })).toThrow(/allowInsecureRequests/)
  expect(() => at('http://127.0.0.1:4000', { redirectUri, allowInsecureRequests: true })).not.toThrow()
})

test('plain http is refused for an issuer that would be discovered', () => {
  expect(() => make({ provider: acme({ server: 'http://as.example' }) })).toThrow(InsecureTransportError)
})

test('plain http at an endpoint that nothing is sent to does no harm, and gets no token', () => {
  const server = { ...metadata, end_session_endpoint: 'http://as.example/end', registration_endpoint: 'nonsense' }
  const core = coreOf(make({ provider: acme({ server }) }))
  expect(() => core.assertResource(new URL('http://as.example/'))).toThrow(InsecureTransportError)
})
