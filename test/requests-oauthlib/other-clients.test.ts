import { expect, test } from 'vitest'
import { CallbackError, ConfigError, Grants, OAuth2Session, type OAuth2Client } from '../../src/index.ts'
import { basic, entries, HOUR, rejection, stage } from './setup.ts'

const now = 1_000_000

test('a service’s client asks with its grant type, its credentials in the header', async () => {
  const { client, scripted } = stage({ now })
  await client.clientCredentials()
  const [request] = scripted.tokenRequests
  expect(entries(request!.params)).toEqual({ grant_type: 'client_credentials' })
  expect(request!.headers.get('authorization')).toBe(basic('client-id', 'client-secret'))
})

test('a service’s client asks with scope and extra arguments', async () => {
  const { client, scripted } = stage({ now })
  const params = { some: 'providers', require: 'extra arguments' }
  await client.clientCredentials({ scope: ['/profile', 'mail'], params })
  expect(entries(scripted.tokenRequests[0]!.params)).toEqual({
    grant_type: 'client_credentials',
    scope: '/profile mail',
    ...params,
  })
})

test('a service’s client gets a token with expiry, scope and extras, and no refresh token', async () => {
  const { client, scripted } = stage({ now })
  scripted.script({
    body: {
      access_token: '2YotnFZFEjr1zCsicMWpAA',
      token_type: 'Bearer',
      expires_in: 3600,
      scope: '/profile',
      refresh_token: 'of no use',
      example_parameter: 'example_value',
    },
  })
  const { extra, ...token } = await client.clientCredentials()
  expect(token).toEqual({
    accessToken: '2YotnFZFEjr1zCsicMWpAA',
    tokenType: 'bearer',
    receivedAt: now,
    expiresAt: 4_600_000,
    scope: ['/profile'],
  })
  expect({ ...extra }).toEqual({ example_parameter: 'example_value' })
})

test('a service’s client gets the scope that was granted, which may not be the requested one', async () => {
  const { client, scripted } = stage({ now })
  scripted.script({ body: { access_token: 'the-token', scope: '/profile' } }, { body: { access_token: 'the-token' } })
  expect((await client.clientCredentials({ scope: 'invalid' })).scope).toEqual(['/profile'])
  expect((await client.clientCredentials({ scope: 'requested' })).scope).toEqual(['requested'])
})

test('a service’s client is renewed by asking again, with the same parameters, when its token has expired', async () => {
  const { client, clock, scripted } = stage({ now })
  const obtain = (each: OAuth2Client) => each.clientCredentials({ params: { audience: 'https://api.example' } })
  const service = new OAuth2Session(client, { obtain })
  const first = await service.accessToken()
  await clock.advance(HOUR)
  expect(await service.accessToken()).not.toBe(first)
  expect(scripted.tokenRequests.map(({ params }) => entries(params))).toEqual(
    Array.from({ length: 2 }, () => ({ grant_type: 'client_credentials', audience: 'https://api.example' })),
  )
})

test('a service’s client without credentials is refused before anything is sent', async () => {
  const { client, scripted } = stage({ client: { clientSecret: undefined } })
  expect(await rejection(client.clientCredentials())).toBeInstanceOf(ConfigError)
  expect(scripted.requests).toEqual([])
})

test('the implicit flow is nothing that can be asked for', async () => {
  const { client } = stage()
  await expect(client.authorizationRequest({ params: { response_type: 'token' } })).rejects.toBeInstanceOf(ConfigError)
  expect(new URL((await client.authorizationRequest()).url).searchParams.get('response_type')).toBe('code')
})

test.each([
  ['a token', 'access_token=2YotnFZFEjr1zCsicMWpAA&token_type=example&expires_in=3600'],
  ['a code', 'code=abc'],
])('the implicit flow has no way in: %s in the fragment of a callback is not read', async (_what, members) => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const pending = await grants.connect('acme', 'ann')
  const fragment = `#${members}&state=${pending.state}`
  for (const [callback, code] of [
    [`https://app.example/callback${fragment}`, 'state_mismatch'],
    [`https://app.example/callback?state=${pending.state}&iss=https://provider.example${fragment}`, 'missing_code'],
  ] as const) {
    const error = await rejection(grants.complete(callback, pending, { subject: 'ann' }))
    expect(error).toBeInstanceOf(CallbackError)
    expect(error).toMatchObject({ code })
  }
  expect(scripted.requests).toEqual([])
  expect(await grants.status('acme', 'ann')).toBeUndefined()
  await grants.close()
})
