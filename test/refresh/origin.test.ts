import { expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { Grants } from '../../src/grants.ts'
import type { Provider } from '../../src/model/provider.ts'
import { assertOrigin } from '../../src/refresh/origin.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantRecord } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'

const record = (issuer: string, clientId = 'web'): GrantRecord =>
  ({ issuer, clientId, key: { client: 'acme', subject: 'ann', account: '' } }) as GrantRecord
const tenants = 'https://login.example/{tenantid}/v2.0'

test.each<[string, string | undefined, string[]]>([
  ['https://as.example', 'https://as.example', []],
  ['https://as.example/', 'https://as.example', []],
  ['as.example', 'https://as.example', []],
  ['https://old.example', 'https://as.example', ['https://old.example']],
  ['https://old.example/', 'https://as.example', ['x', 'old.example']],
  ['https://as.example/token', 'https://new.example/token', ['https://as.example/token']],
  ['https://login.example/t1/v2.0', tenants, []],
  [tenants, tenants, []],
  ['https://anything.example', undefined, []],
  ['', 'https://as.example', []],
])('a grant of %j is used at %s', (issuer, server, former) => {
  expect(() => assertOrigin(record(issuer), 'web', server, former)).not.toThrow()
})

test.each<[string, string | undefined, string[], string?]>([
  ['https://old.example', 'https://as.example', []],
  ['https://as.example', 'http://as.example', []],
  ['https://as.example', 'com.example://as.example', []],
  ['https://as.example', 'http://as.example:8080', []],
  ['https://as.example/a', 'https://as.example', []],
  ['https://as.example', 'https://as.example/a', []],
  ['https://as.example', 'https://as.example:8443', []],
  ['https://stranger.example', 'https://as.example', ['https://old.example']],
  ['https://login.example/a/b/v2.0', tenants, []],
  ['https://as.example', 'https://as.example', [], 'other'],
  ['https://old.example', 'https://as.example', ['https://old.example'], 'other'],
  ['https://as.example', undefined, [], 'other'],
])('a grant of %s is not used at %s', (issuer, server, former, clientId = 'web') => {
  expect(() => assertOrigin(record(issuer), clientId, server, former)).toThrow(ConfigError)
})

test('a process that has not asked for any metadata yet refuses a grant of another issuer, and takes one of a former', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const asked: string[] = []
  const grantsAt = (issuer: string, more: Partial<Provider> = {}): Grants<{ acme: OAuth2Client }> => {
    const fetch = async (url: unknown): Promise<Response> => {
      asked.push(String(url))
      return Response.json({ issuer, token_endpoint: `${issuer}/token` })
    }
    const provider = { name: 'acme', server: issuer, ...more }
    const acme = new OAuth2Client({ provider, clientId: 'web', clientSecret: 'a-client-secret', fetch, clock })
    return new Grants({ clients: { acme }, store, clock })
  }
  const token = { access_token: 'token-of-old', refresh_token: 'rt', expires_in: 3600 }
  await grantsAt('https://old.example').save('acme', 'ann', token)
  const { length } = asked
  for (const elsewhere of ['https://new.example', 'https://old.example/tenant'])
    await expect(grantsAt(elsewhere).session('acme', 'ann').token()).rejects.toBeInstanceOf(ConfigError)
  const moved = grantsAt('https://new.example', { formerIssuers: ['https://old.example'] })
  await expect(moved.session('acme', 'ann').token()).resolves.toMatchObject({ accessToken: 'token-of-old' })
  expect(asked).toHaveLength(length)
})

test('a grant of a former issuer is refreshed, and one of another is not', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const sent: string[] = []
  const grantsAt = (issuer: string, formerIssuers: string[] = []): Grants<{ acme: OAuth2Client }> => {
    const fetch = async (url: unknown): Promise<Response> => {
      sent.push(String(url))
      return Response.json({ access_token: `token-${sent.length}`, token_type: 'bearer', expires_in: 3600 })
    }
    const provider = { name: 'acme', server: { issuer, token_endpoint: `${issuer}/token` }, formerIssuers }
    const acme = new OAuth2Client({ provider, clientId: 'web', clientSecret: 'a-client-secret', fetch, clock })
    return new Grants({ clients: { acme }, store, clock })
  }
  const token = { access_token: 'spent', refresh_token: 'rt', expires_at: 1 }
  await grantsAt('https://old.example').save('acme', 'ann', token)
  await expect(grantsAt('https://new.example').session('acme', 'ann').refresh()).rejects.toBeInstanceOf(ConfigError)
  expect(sent).toEqual([])
  const moved = grantsAt('https://new.example', ['https://old.example'])
  await expect(moved.session('acme', 'ann').refresh()).resolves.toMatchObject({ accessToken: 'token-1' })
  expect(sent).toEqual(['https://new.example/token'])
})

test('a login through an issuer of all tenants is stored as of its own tenant', async () => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const claims = { iss: 'https://login.example/t1/v2.0', tid: 't1', sub: 'ann', aud: 'web' }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const provider = { name: 'acme', server: { issuer: tenants, token_endpoint: 'https://login.example/token' } }
  const acme = new OAuth2Client({ provider, clientId: 'web', clientSecret: 'a-client-secret', clock })
  const grants = new Grants({ clients: { acme }, store, clock })
  const id_token = `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`
  await grants.save('acme', 'ann', { access_token: 'at', refresh_token: 'rt', id_token, expires_in: 3600 })
  const { record: kept } = await store.read({ client: 'acme', subject: 'ann', account: '' })
  expect(kept?.issuer).toBe('https://login.example/t1/v2.0')
  await expect(grants.session('acme', 'ann').token()).resolves.toMatchObject({ accessToken: 'at' })
})

test.each([
  ['a former issuer', ['https://old.example'], true],
  ['another issuer', [], false],
])('the refresh token of %s is carried over to a login that brings none: %#', async (_, formerIssuers, carried) => {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const grantsAt = (issuer: string): Grants<{ acme: OAuth2Client }> => {
    const provider = { name: 'acme', server: { issuer, token_endpoint: `${issuer}/token` }, formerIssuers }
    const acme = new OAuth2Client({ provider, clientId: 'web', clientSecret: 'a-client-secret', clock })
    return new Grants({ clients: { acme }, store, clock })
  }
  const account = { account: 'work' }
  const token = { access_token: 'at', expires_in: 3600 }
  await grantsAt('https://old.example').save('acme', 'ann', { ...token, refresh_token: 'rt' }, account)
  const moved = grantsAt('https://new.example')
  await moved.save('acme', 'ann', token, account)
  expect((await moved.status('acme', 'ann', account))?.renewable).toBe(carried)
})
