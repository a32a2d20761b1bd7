import { expect, test } from 'vitest'
import { connect, post, provide, refresh, request, userInfo } from './setup.ts'

test('discovery is served under both names and agrees with the metadata', async () => {
  const provider = await provide()
  const openId = await request(`${provider.url}/.well-known/openid-configuration`)
  const oauth = await request(`${provider.url}/.well-known/oauth-authorization-server`)
  expect(oauth.json).toEqual(openId.json)
  expect(openId.json).toMatchObject({ ...provider.metadata })
  expect(openId.json['scopes_supported']).toContain('https://www.googleapis.com/auth/userinfo.email')
})

test('tokeninfo describes a valid access token as Google does', async () => {
  const provider = await provide()
  const { json } = await connect(provider, { access_type: 'offline' })
  const url = `${provider.metadata.tokeninfo_endpoint}?access_token=${String(json['access_token'])}`
  const { status, json: info } = await request(url)
  expect(status).toBe(200)
  expect(info).toMatchObject({
    azp: provider.clientId,
    aud: provider.clientId,
    sub: 'alice',
    scope: 'openid email profile',
    email: 'alice@example.com',
    email_verified: true,
    access_type: 'offline',
  })
  expect(info['expires_in']).toBeGreaterThan(57)
  expect(Number(info['exp']) - Date.now() / 1000).toBeGreaterThan(57)
})

test('tokeninfo hides what the scopes do not show, and says online for online tokens', async () => {
  const provider = await provide()
  const { json } = await connect(provider, { scope: 'openid' })
  const { json: info } = await request(provider.metadata.tokeninfo_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ access_token: String(json['access_token']) }),
  })
  expect(info).toMatchObject({ scope: 'openid', access_type: 'online' })
  expect('email' in info).toBe(false)
})

test('tokeninfo and userinfo refuse invalid tokens', async () => {
  const provider = await provide()
  const [grant] = await provider.mint({ accessTokenExpired: true })
  for (const token of [grant!.access_token, 'nonsense']) {
    const info = await request(`${provider.metadata.tokeninfo_endpoint}?access_token=${token}`)
    expect([info.status, info.json['error']]).toEqual([400, 'invalid_token'])
    expect((await userInfo(provider, token)).status).toBe(401)
  }
  expect((await request(provider.metadata.tokeninfo_endpoint)).status).toBe(400)
  const bearer = { authorization: `Bearer ${(await provider.mint())[0]!.access_token}` }
  expect((await request(provider.metadata.tokeninfo_endpoint, { headers: bearer })).status).toBe(200)
})

test('introspection distinguishes valid from invalid tokens', async () => {
  const provider = await provide()
  const [grant, spent] = [(await provider.mint())[0]!, (await provider.mint({ accessTokenExpired: true }))[0]!]
  const introspect = (token: string) => post(provider, provider.metadata.introspection_endpoint, { token })
  expect((await introspect(grant.access_token)).json).toMatchObject({
    active: true,
    client_id: provider.clientId,
    sub: 'alice',
    scope: 'openid email profile',
    token_type: 'Bearer',
    iss: provider.url,
  })
  expect((await introspect(grant.refresh_token)).json['active']).toBe(true)
  expect((await introspect(spent.access_token)).json).toEqual({ active: false })
  expect(provider.stats().introspectionRequests).toBe(3)
})

test('revoking a token with its client’s authentication ends the grant', async () => {
  const provider = await provide()
  const [grant] = await provider.mint()
  const answer = await post(provider, provider.metadata.revocation_endpoint, { token: grant!.refresh_token })
  expect([answer.status, answer.text]).toEqual([200, ''])
  expect((await refresh(provider, grant!.refresh_token)).json['error']).toBe('invalid_grant')
  expect((await userInfo(provider, grant!.access_token)).status).toBe(401)
  const unknown = await post(provider, provider.metadata.revocation_endpoint, { token: 'nonsense' })
  expect(unknown.status).toBe(200)
  expect(provider.stats()).toMatchObject({ revokeRequests: 2, revocations: 0 })
})

test('one client cannot revoke another one’s token', async () => {
  const provider = await provide({ clients: [{ clientId: 'second', clientSecret: 's2', redirectUris: [] }] })
  const [grant] = await provider.mint()
  const fields = { token: grant!.refresh_token, client_id: 'second', client_secret: 's2' }
  await post(provider, provider.metadata.revocation_endpoint, fields)
  expect((await refresh(provider, grant!.refresh_token)).status).toBe(200)
})

test('Google’s revocation needs no client and takes the token in the query or the form', async () => {
  const provider = await provide({
    clients: [{ clientId: 'cli', public: true, redirectUris: ['http://localhost:3000/callback'] }],
  })
  const [inQuery, inForm] = await provider.mint({ count: 2 })
  const [ofPublic] = await provider.mint({ clientId: 'cli' })
  const { revocation_endpoint: endpoint } = provider.metadata
  const query = await request(`${endpoint}?token=${inQuery!.access_token}`, { method: 'POST' })
  const form = await request(endpoint, { method: 'POST', body: new URLSearchParams({ token: inForm!.refresh_token }) })
  const pub = await request(endpoint, { method: 'POST', body: new URLSearchParams({ token: ofPublic!.refresh_token }) })
  expect([query.status, form.status, pub.status]).toEqual([200, 200, 200])
  for (const grant of [inQuery, inForm]) {
    expect((await refresh(provider, grant!.refresh_token)).json['error']).toBe('invalid_grant')
  }
  expect((await userInfo(provider, ofPublic!.access_token)).status).toBe(401)
  for (const url of [`${endpoint}?token=nonsense`, endpoint]) {
    const answer = await request(url, { method: 'POST' })
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_token'])
  }
})

test('a thousand grants are minted at once, each with valid tokens of its own', async () => {
  const provider = await provide({ rotate: true })
  const grants = await provider.mint({ count: 1000, user: 'bob', scope: 'openid email' })
  expect(new Set(grants.map((grant) => grant.refresh_token)).size).toBe(1000)
  expect(grants[999]).toMatchObject({ token_type: 'Bearer', expires_in: 60, scope: 'openid email' })
  for (const grant of [grants[0]!, grants[500]!, grants[999]!]) {
    expect((await userInfo(provider, grant.access_token)).json).toMatchObject({ sub: 'bob', email: 'bob@example.com' })
    expect((await refresh(provider, grant.refresh_token)).status).toBe(200)
  }
})

test('minting can add ID tokens, and refuses users and clients that it does not know', async () => {
  const provider = await provide()
  const [grant] = await provider.mint({ idToken: true })
  expect(grant!.id_token?.split('.')).toHaveLength(3)
  expect(await provider.mint({ count: 0 })).toEqual([])
  await expect(provider.mint({ user: 'eve' })).rejects.toThrow('Expected `user` to be one of')
  await expect(provider.mint({ clientId: 'none' })).rejects.toThrow('Expected `clientId` to be one of')
})

test('a minted grant that has expired is refreshed like another', async () => {
  const provider = await provide()
  const [grant] = await provider.mint({ accessTokenExpired: true })
  expect(grant!.expires_in).toBe(0)
  expect((await refresh(provider, grant!.refresh_token)).json['expires_in']).toBe(60)
})
