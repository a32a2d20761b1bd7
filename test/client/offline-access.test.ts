import { expect, test } from 'vitest'
import { missingScope } from '../../src/client/flows/offline-access.ts'
import type { AuthorizationOptions, OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import type { Provider } from '../../src/model/provider.ts'
import { issuer, json, makeClient, metadata, scripted } from './setup.ts'

const listing = { ...metadata, scopes_supported: ['openid', 'email', 'offline_access'] }

/** What is asked for, as far as offline access goes. */
async function asked(
  provider: Partial<Provider>,
  client: Partial<OAuth2ClientOptions> = {},
  options: AuthorizationOptions = {},
): Promise<{ scope: string[] | undefined; prompt: string | null; access: string | null }> {
  const { fetch } = scripted(json(listing))
  const pending = await makeClient(fetch, { scope: ['openid'], ...client }, provider).authorizationRequest(options)
  const { searchParams } = new URL(pending.url)
  expect(pending.scope).toEqual(searchParams.get('scope')?.split(' '))
  return {
    scope: searchParams.get('scope')?.split(' '),
    prompt: searchParams.get('prompt'),
    access: searchParams.get('access_type'),
  }
}

const both = { scope: ['openid', 'offline_access'], prompt: 'consent' }
const neither = { scope: ['openid'], prompt: null, access: null }

test.each([
  ['given', listing],
  ['discovered', issuer],
])('a server whose metadata lists offline_access (%s) is asked for it, with consent', async (_, server) => {
  expect(await asked({ server })).toMatchObject(both)
  expect(await asked({ server }, {}, { scope: 'openid email' })).toMatchObject({
    scope: ['openid', 'email', 'offline_access'],
  })
  expect(await asked({ server }, { scope: ['offline_access', 'openid'] })).toMatchObject({
    scope: ['offline_access', 'openid'],
    prompt: 'consent',
  })
})

test('a server whose metadata lists offline_access is not asked for it by a client or a call that wants no refresh token; the call wins', async () => {
  expect(await asked({ server: listing }, { offline: false })).toEqual(neither)
  expect(await asked({ server: listing }, {}, { offline: false })).toEqual(neither)
  expect(await asked({ server: listing }, { offline: false }, { offline: true })).toMatchObject(both)
})

test('a server whose metadata lists offline_access is asked without consent where the call says so, and with the prompt of the caller or the provider’s data', async () => {
  expect(await asked({ server: listing }, {}, { consent: 'if_needed' })).toMatchObject({ ...both, prompt: null })
  expect(await asked({ server: listing }, {}, { params: { prompt: 'login' } })).toMatchObject({
    ...both,
    prompt: 'login',
  })
  expect(await asked({ server: listing }, {}, { params: { prompt: '' } })).toMatchObject({ ...both, prompt: null })
  expect(await asked({ server: listing, authorizationParams: { prompt: 'none' } })).toMatchObject({ prompt: 'none' })
  expect(await asked({ server: listing, consentParams: {} })).toMatchObject({ ...both, prompt: null })
})

test('a server whose metadata lists offline_access is left alone by a request that is none of OpenID Connect, whose scope it is, or that asks for no scope', async () => {
  expect(await asked({ server: listing }, { scope: ['read'] })).toMatchObject({ scope: ['read'], prompt: null })
  expect(await asked({ server: listing }, { scope: undefined })).toMatchObject({ scope: undefined, prompt: null })
  expect(await asked({ server: listing }, { scope: 'read offline_access' })).toMatchObject({ prompt: 'consent' })
})

test.each([undefined, 'offline_access', null, [1]])(
  'a server whose metadata lists offline_access scopes_supported: %j lists nothing',
  async (scopes_supported) => {
    expect(await asked({ server: { ...metadata, scopes_supported } as never })).toEqual(neither)
  },
)

test('a server that does not list offline_access is asked for it by those who ask, without consent', async () => {
  expect(await asked({ server: metadata }, { scope: 'openid offline_access' })).toMatchObject({
    scope: ['openid', 'offline_access'],
    prompt: null,
  })
})

test('a provider whose data says what offline access takes is asked so, whatever the metadata lists and the scope is', async () => {
  const offline = { params: { access_type: 'offline' } }
  expect(await asked({ server: listing, offline })).toEqual({ ...neither, access: 'offline' })
  const scoped = { offline: { scope: 'offline_access' }, consentParams: { prompt: 'consent' } }
  expect(await asked(scoped, { scope: ['read'] })).toMatchObject({
    scope: ['read', 'offline_access'],
    prompt: 'consent',
  })
  expect(await asked(scoped, { scope: ['read'] }, { offline: false })).toMatchObject({
    scope: ['read'],
    prompt: null,
  })
})

test('a provider whose data says what offline access takes is asked for nothing where there is nothing to ask for', async () => {
  expect(await asked({ server: listing, offline: 'none', consentParams: { prompt: 'consent' } })).toEqual(neither)
})

test('a provider whose data says what offline access takes yields to authorizationParams and to the call', async () => {
  const offline = { params: { access_type: 'offline' } }
  expect(await asked({ offline, authorizationParams: { access_type: 'online' } })).toMatchObject({ access: 'online' })
  expect(await asked({ offline }, {}, { params: { access_type: '' } })).toMatchObject({ access: null })
})

test.each([{ offline: 'yes' }, { consent: 'never' }, { consent: null }])('%j is refused', async (options) => {
  await expect(makeClient(scripted().fetch).authorizationRequest(options as never)).rejects.toThrow(/offline|consent/)
})

test.each<[string, string[] | undefined, string[] | undefined, string[]]>([
  ['everything', ['a', 'b'], ['b', 'a', 'c'], []],
  ['a part', ['a', 'b', 'c'], ['b'], ['a', 'c']],
  ['nothing', ['a'], undefined, []],
  ['nothing that was asked', undefined, ['a'], []],
  ['offline_access, which servers don’t repeat', ['openid', 'offline_access'], ['openid'], []],
  [
    'long forms',
    ['email', 'Mail.Read'],
    ['https://www.googleapis.com/auth/userinfo.email', 'https://graph.example/Mail.Read'],
    [],
  ],
  ['another case', ['user.read'], ['User.Read'], []],
  ['what only ends alike', ['read'], ['mail/read', 'https://a.example/unread'], ['read']],
])('of a scope is missing what was not granted: %s', (_, wanted, granted, missing) => {
  expect(missingScope(wanted, granted)).toEqual(missing)
})
