import { expect, test, vi } from 'vitest'
import type { ClientAuth } from '../../src/model/client-auth.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { beginLogin, json, makeClient, makeOldToken, metadata, rejection, scripted, type Recorded } from './setup.ts'

const secret = 'a b%:+~é-_.'
const granted = { access_token: 'new-access-token', token_type: 'Bearer' }

/** What a client sends at a code exchange, a refresh, a revocation and an introspection. */
async function everyRequest(options: object, provider: object = {}): Promise<Recorded[]> {
  const { fetch, requests } = scripted((request) =>
    json(request.url.endsWith('/introspect') ? { active: true } : granted),
  )
  const client = makeClient(fetch, { clientId: 'my client', ...options }, provider)
  const { pending, callback } = await beginLogin(client)
  await client.exchangeCode(callback, pending)
  await client.refresh(makeOldToken())
  await client.revoke(makeOldToken())
  await client.introspect(makeOldToken())
  expect(requests).toHaveLength(4)
  return requests
}

const basicOf = (request: Recorded): string => {
  const bytes = Buffer.from(request.headers.get('authorization')!.replace('Basic ', ''), 'base64')
  return bytes.toString('utf8')
}

/** Each request authenticates in exactly one way. */
const waysOf = (request: Recorded): string[] => [
  ...(request.headers.has('authorization') ? ['header'] : []),
  ...['client_secret', 'client_assertion'].filter((name) => request.body.has(name)),
]

test('client_secret_basic sends the same at every endpoint: id and secret percent-encoded, in the header only', async () => {
  for (const request of await everyRequest({ clientSecret: secret, clientAuth: 'client_secret_basic' })) {
    expect(basicOf(request)).toBe('my%20client:a%20b%25%3A%2B~%C3%A9-_.')
    expect(waysOf(request)).toEqual(['header'])
    expect(request.body.has('client_id')).toBe(false)
  }
})

test('client_secret_basic_raw sends id and secret unencoded at every endpoint', async () => {
  for (const request of await everyRequest({ clientSecret: secret, clientAuth: 'client_secret_basic_raw' })) {
    expect(basicOf(request)).toBe(`my client:${secret}`)
    expect(waysOf(request)).toEqual(['header'])
  }
})

test('client_secret_post sends id and secret in the body only, at every endpoint', async () => {
  for (const request of await everyRequest({ clientSecret: secret, clientAuth: 'client_secret_post' })) {
    expect(request.body.getAll('client_secret')).toEqual([secret])
    expect(request.body.getAll('client_id')).toEqual(['my client'])
    expect(waysOf(request)).toEqual(['client_secret'])
  }
})

test('the method none sends the id in the body at every endpoint', async () => {
  for (const request of await everyRequest({ clientSecret: undefined, clientAuth: 'none' })) {
    expect(request.body.getAll('client_id')).toEqual(['my client'])
    expect(waysOf(request)).toEqual([])
  }
})

test('a clientAuth function changes headers and body at every endpoint, and gets what it needs', async () => {
  const seen: unknown[] = []
  const clientAuth: ClientAuth = async ({ headers, body, ...facts }) => {
    seen.push({ ...facts, grant: body.get('grant_type') })
    headers.set('x-client', 'me')
    body.set('client_assertion', `assertion-${seen.length}`)
    body.delete('token_type_hint')
  }
  const requests = await everyRequest({ clientSecret: secret, clientAuth })
  expect(requests.map((request) => request.body.get('client_assertion'))).toEqual(
    [1, 2, 3, 4].map((n) => `assertion-${n}`),
  )
  expect(requests.every((request) => request.headers.get('x-client') === 'me')).toBe(true)
  expect(requests.some((request) => request.body.has('token_type_hint'))).toBe(false)
  const facts = {
    clientId: 'my client',
    clientSecret: secret,
    tokenEndpoint: metadata.token_endpoint,
    issuer: metadata.issuer,
  }
  expect(seen[0]).toEqual({ ...facts, grant: 'authorization_code' })
  expect(seen[1]).toEqual({ ...facts, grant: 'refresh_token' })
})

test('a clientAuth function that fails is a ConfigError before anything is sent, its message redacted', async () => {
  const { fetch, requests } = scripted({ body: granted })
  const clientAuth = (): never => {
    throw new Error('no key for client-secret-value')
  }
  const error = await rejection(makeClient(fetch, { clientAuth }).refresh(makeOldToken()))
  expect(error).toBeInstanceOf(ConfigError)
  expect((error.cause as Error).message).toBe('no key for [redacted]')
  expect(requests).toEqual([])
})

const wayWith = async (options: object, provider: object): Promise<string[]> => {
  const { fetch, last } = scripted({ body: granted })
  await makeClient(fetch, options, provider).refresh(makeOldToken())
  return [...waysOf(last()), ...(last().body.has('client_id') ? ['client_id'] : [])]
}
const server = (methods: unknown): object => ({
  server: { ...metadata, token_endpoint_auth_methods_supported: methods },
})

test.each([
  ['a secret goes into the header', {}, {}, ['header']],
  ['no secret means none', { clientSecret: undefined }, {}, ['client_id']],
  ['the provider decides', {}, { clientAuth: 'client_secret_post' }, ['client_secret', 'client_id']],
  [
    'a public client is public at a provider of secrets too',
    { clientSecret: undefined },
    { clientAuth: 'client_secret_post' },
    ['client_id'],
  ],
  [
    'the client’s option wins over the provider',
    { clientAuth: 'client_secret_basic' },
    { clientAuth: 'client_secret_post' },
    ['header'],
  ],
  [
    'a server that lists only post gets post',
    {},
    server(['client_secret_post', 'private_key_jwt']),
    ['client_secret', 'client_id'],
  ],
  ['a server that lists both gets basic', {}, server(['client_secret_post', 'client_secret_basic']), ['header']],
  ['a server that lists neither gets basic', {}, server(['private_key_jwt']), ['header']],
  ['a server whose list is none gets basic', {}, server('client_secret_post'), ['header']],
])('without clientAuth %s', async (_, options, provider, way) => {
  expect(await wayWith(options, provider)).toEqual(way)
})

const only =
  (good: string) =>
  (request: Recorded): Response =>
    basicOf(request).endsWith(`:${good}`) ? json(granted) : json({ error: 'invalid_client' }, { status: 401 })
const tried = (requests: Recorded[]): string[] => requests.map((request) => basicOf(request).split(':')[1]!)

test('several secrets are for the time of a rotation: on invalid_client the next one is tried once, and kept', async () => {
  const { fetch, requests } = scripted(only('secret-new'))
  const client = makeClient(fetch, { clientSecret: ['secret-old', 'secret-new'] })
  await client.refresh(makeOldToken())
  await client.refresh(makeOldToken())
  await client.revoke('some-token')
  expect(tried(requests)).toEqual(['secret-old', 'secret-new', 'secret-new', 'secret-new'])
})

test('several secrets are tried two at a time, so that every one has its turn', async () => {
  const { fetch, requests } = scripted(only('secret-3'))
  const client = makeClient(fetch, { clientSecret: ['secret-1', 'secret-2', 'secret-3'] })
  expect(await rejection(client.refresh(makeOldToken()))).toMatchObject({ error: 'invalid_client' })
  await client.refresh(makeOldToken())
  expect(tried(requests)).toEqual(['secret-1', 'secret-2', 'secret-2', 'secret-3'])
})

test('several secrets are not tried after any other refusal', async () => {
  const { fetch, requests } = scripted({ status: 400, body: { error: 'invalid_grant' } })
  const client = makeClient(fetch, { clientSecret: ['secret-old', 'secret-new'] })
  expect(await rejection(client.refresh(makeOldToken()))).toMatchObject({ error: 'invalid_grant' })
  expect(requests).toHaveLength(1)
})

test('with a single secret, invalid_client is final', async () => {
  const { fetch, requests } = scripted({ status: 401, body: { error: 'invalid_client' } })
  expect(await rejection(makeClient(fetch).refresh(makeOldToken()))).toMatchObject({
    error: 'invalid_client',
    retryable: false,
  })
  expect(requests).toHaveLength(1)
})

test('a secret function is called for each operation, and may return a promise', async () => {
  const { fetch, requests } = scripted({ body: granted })
  let serial = 0
  const clientSecret = vi.fn(() => Promise.resolve(`secret-${(serial += 1)}`))
  const client = makeClient(fetch, { clientSecret })
  expect(clientSecret).not.toHaveBeenCalled()
  await client.refresh(makeOldToken())
  await client.refresh(makeOldToken())
  expect(requests.map((request) => basicOf(request))).toEqual(['web:secret-1', 'web:secret-2'])
})

test.each(['', undefined, 5])('a secret function that returns %j is a ConfigError', async (value) => {
  const { fetch, requests } = scripted({ body: granted })
  const client = makeClient(fetch, { clientSecret: () => value as string })
  expect(await rejection(client.refresh(makeOldToken()))).toBeInstanceOf(ConfigError)
  expect(requests).toEqual([])
})
