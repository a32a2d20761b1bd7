import { describe, expect, test } from 'vitest'
import { coreOf } from '../../src/client/oauth2-client.ts'
import { ConfigError, InsecureTransportError, OriginNotAllowedError } from '../../src/model/errors.ts'
import { issuer, json, makeClient, metadata, scripted } from './setup.ts'

const allows = (origins: readonly string[] | undefined, url: string, provider: object = {}): boolean => {
  const core = coreOf(makeClient(scripted().fetch, origins === undefined ? {} : { resourceOrigins: origins }, provider))
  try {
    expect(core.assertResource(new URL(url))).toBeUndefined()
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(OriginNotAllowedError)
    return false
  }
}

describe('the token goes', () => {
  test.each<[origins: string[], url: string, allowed: boolean]>([
    [['https://api.example'], 'https://api.example/path?x', true],
    [['https://api.example/'], 'https://api.example', true],
    [['https://API.example:443'], 'https://api.example', true],
    [['https://api.example'], 'https://api.example:8443', false],
    [['https://api.example'], 'https://api.example.evil.example', false],
    [['https://api.example'], 'https://sub.api.example', false],
    [['https://*.example.com'], 'https://a.example.com', true],
    [['https://*.example.com'], 'https://a.b.example.com', true],
    [['https://*.EXAMPLE.com:443'], 'https://a.example.com', true],
    [['https://*.example.com'], 'https://example.com', false],
    [['https://*.example.com'], 'https://evilexample.com', false],
    [['https://*.example.com'], 'https://a.example.com:8443', false],
    [['https://*.example.com:8443'], 'https://a.example.com:8443', true],
    [['*'], 'https://anything.example:8443', true],
    [[], issuer, false],
  ])('with %j to %s: %s', (origins, url, allowed) => {
    expect(allows(origins, url)).toBe(allowed)
  })

  test('by default to the server’s own endpoints and the provider’s APIs', () => {
    const provider = {
      server: {
        ...metadata,
        userinfo_endpoint: 'https://me.example/userinfo',
        registration_endpoint: 'https://reg.example/',
      },
      resourceOrigins: ['https://api.example', 'https://*.apis.example'],
    }
    for (const url of [
      issuer,
      'https://me.example/x',
      'https://api.example',
      'https://a.apis.example',
      'https://reg.example',
    ]) {
      expect(allows(undefined, url, provider)).toBe(true)
    }
    for (const url of ['https://evil.example', 'https://apis.example'])
      expect(allows(undefined, url, provider)).toBe(false)
  })

  test('never over plain http off loopback', () => {
    const core = coreOf(
      makeClient(scripted().fetch, { resourceOrigins: ['http://api.example', '*'], allowInsecureRequests: true }),
    )
    expect(() => core.assertResource(new URL('http://api.example'))).toThrow(InsecureTransportError)
    expect(() => core.assertResource(new URL('http://127.0.0.1'))).toThrow(OriginNotAllowedError)
  })

  test('over plain http to a loopback origin that is listed', () => {
    const core = coreOf(
      makeClient(scripted().fetch, { resourceOrigins: ['http://127.0.0.1:9'], redirectUri: undefined }),
    )
    expect(core.assertResource(new URL('http://127.0.0.1:9/x'))).toBeUndefined()
  })

  test.each([
    'api.example',
    'https://*.com',
    'https://*',
    'http://*.example.com',
    'https://a.*.example',
    'https://u:p@api.example',
    'https://api.example/x',
    'ftp://api.example',
    5,
  ])('%j is no origin', (origin) => {
    expect(() => makeClient(scripted().fetch, { resourceOrigins: [origin as string] })).toThrow(ConfigError)
  })

  test('after discovery where the server is not known yet; from then on without waiting', async () => {
    const { fetch, requests } = scripted(json(metadata))
    const core = coreOf(makeClient(fetch, {}, { server: issuer }))
    await expect(Promise.resolve(core.assertResource(new URL('https://evil.example')))).rejects.toThrow(
      OriginNotAllowedError,
    )
    expect(core.assertResource(new URL(issuer))).toBeUndefined()
    expect(() => core.assertResource(new URL('https://evil.example'))).toThrow(OriginNotAllowedError)
    expect(requests).toHaveLength(1)
  })
})
