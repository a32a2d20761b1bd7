import { createHash, createPublicKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { Browser } from './browser.ts'
import {
  authorizationUrl,
  authorize,
  callback,
  claimsOf,
  connect,
  post,
  provide,
  redeemCode,
  request,
  userInfo,
} from './setup.ts'

test('a user logs in, consents, and the client redeems the code', async () => {
  const provider = await provide()
  const returned = await authorize(provider, { nonce: 'nonce-1' })
  expect(returned.pages).toEqual(['Log in', 'Allow access'])
  expect(returned.origin + returned.pathname).toBe(callback)
  expect(returned.searchParams.get('state')).toBe('state-1')
  expect(returned.searchParams.get('iss')).toBe(provider.url)

  const { status, json } = await redeemCode(provider, returned)
  expect(status).toBe(200)
  expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 60, scope: 'openid email profile' })
  expect(claimsOf(json['id_token'])).toMatchObject({
    iss: provider.url,
    aud: provider.clientId,
    sub: 'alice',
    nonce: 'nonce-1',
    email: 'alice@example.com',
    name: 'Alice Liddell',
  })
  expect((await userInfo(provider, json['access_token'])).json).toEqual({
    id: 'alice',
    sub: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    verified_email: true,
    name: 'Alice Liddell',
    given_name: 'Alice',
    family_name: 'Liddell',
  })
})

test('an ID token is signed with the published key', async () => {
  const provider = await provide()
  const { json } = await connect(provider)
  const { json: jwks } = await request(provider.metadata.jwks_uri)
  const [key] = jwks['keys'] as [Record<string, string>]
  const [header, payload, signature] = String(json['id_token']).split('.') as [string, string, string]
  const publicKey = createPublicKey({ key, format: 'jwk' })
  expect(key['d']).toBeUndefined()
  expect(
    verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url')),
  ).toBe(true)
})

test('the ready client authenticates in the header and in the body alike', async () => {
  const provider = await provide({ clientSecret: 'a secret: ~%+/' })
  const [grant] = await provider.mint()
  const fields = { grant_type: 'refresh_token', refresh_token: grant!.refresh_token }
  const encode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2)
  const basic = Buffer.from(`${encode(provider.clientId)}:${encode(provider.clientSecret)}`).toString('base64')
  const inHeader = await request(provider.metadata.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { authorization: `Basic ${basic}` },
  })
  expect(inHeader.status).toBe(200)
  expect((await post(provider, provider.metadata.token_endpoint, fields)).status).toBe(200)
  const wrong = await post(provider, provider.metadata.token_endpoint, { ...fields, client_secret: 'wrong' })
  expect([wrong.status, wrong.json['error']]).toEqual([401, 'invalid_client'])
})

test('a code is accepted once, and a second use ends the grant', async () => {
  const provider = await provide()
  const returned = await authorize(provider, { access_type: 'offline' })
  const first = await redeemCode(provider, returned)
  expect(first.json['refresh_token']).toBeTypeOf('string')
  expect((await redeemCode(provider, returned)).json['error']).toBe('invalid_grant')
  expect((await userInfo(provider, first.json['access_token'])).status).toBe(401)
  expect(provider.stats()).toMatchObject({
    revocations: 1,
    reuseDetections: 0,
    tokenRequests: { authorization_code: 2 },
  })
})

test('a public client needs PKCE with S256 and no secret', async () => {
  const redirectUri = 'http://127.0.0.1:9999/cb'
  const provider = await provide({
    clients: [{ clientId: 'cli', public: true, native: true, redirectUris: ['http://127.0.0.1/cb'] }],
  })
  const verifier = 'v'.repeat(43)
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const params = { client_id: 'cli', redirect_uri: redirectUri, access_type: 'offline' }
  expect((await authorize(provider, params)).searchParams.get('error')).toBe('invalid_request')
  const returned = await authorize(provider, { ...params, code_challenge: challenge, code_challenge_method: 'S256' })
  const fields = {
    grant_type: 'authorization_code',
    code: returned.searchParams.get('code')!,
    redirect_uri: redirectUri,
    client_id: 'cli',
  }
  const send = (code_verifier: string) =>
    request(provider.metadata.token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({ ...fields, code_verifier }),
    })
  expect((await send('w'.repeat(43))).json['error']).toBe('invalid_grant')
  const answer = await send(verifier)
  expect(answer.status).toBe(200)
  expect(answer.json['refresh_token']).toBeTypeOf('string')
})

test('a redirect URI that is not registered is never redirected to', async () => {
  const provider = await provide()
  const page = await new Browser(callback).open(
    authorizationUrl(provider, { redirect_uri: 'http://localhost:3000/other' }),
  )
  expect(page.status).toBe(400)
  expect(page.text).toContain('This request is invalid')
  expect(page.text).toContain('invalid_redirect_uri')
})

test('client credentials bring an access token without a user', async () => {
  const provider = await provide()
  const { status, json } = await post(provider, provider.metadata.token_endpoint, { grant_type: 'client_credentials' })
  expect(status).toBe(200)
  expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 60 })
  expect(json['refresh_token']).toBeUndefined()
})
