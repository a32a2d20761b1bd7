import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { ConfigError, type ServerMetadata } from '../../../src/index.ts'
import { rejection, stage } from '../setup.ts'

const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')

test.each([
  ['only plain', ['plain']],
  ['plain first', ['plain', 'S256']],
  ['no method', []],
  ['nothing', undefined],
])(
  'the code challenge is S256 at a server that lists %s, and its verifier is sent with the code',
  async (_what, methods) => {
    const { provider } = stage().scripted
    const server = {
      ...(provider.server as ServerMetadata),
      code_challenge_methods_supported: methods,
    } as ServerMetadata
    const { client, scripted } = stage({ provider: { server } })
    const pending = await client.authorizationRequest()
    const query = new URL(pending.url).searchParams
    expect(query.getAll('code_challenge_method')).toEqual(['S256'])
    expect(query.getAll('code_challenge')).toEqual([challengeOf(pending.codeVerifier!)])
    expect(pending.url).not.toContain(pending.codeVerifier)
    await client.exchangeCode(scripted.login(pending.url), pending)
    expect(scripted.tokenRequests[0]!.params.getAll('code_verifier')).toEqual([pending.codeVerifier])
  },
)

test('the code challenge is a new one at every login', async () => {
  const { client } = stage()
  const all = await Promise.all(Array.from({ length: 20 }, () => client.authorizationRequest()))
  expect(new Set(all.map(({ codeVerifier }) => codeVerifier)).size).toBe(20)
})

test('the code challenge is checked by the provider: another login’s verifier gets no token', async () => {
  const { client, scripted } = stage()
  const [mine, other] = [await client.authorizationRequest(), await client.authorizationRequest()]
  const mixed = { ...mine, codeVerifier: other.codeVerifier! }
  const error = await rejection(client.exchangeCode(scripted.login(mine.url), mixed))
  expect(error).toMatchObject({ error: 'invalid_grant' })
})

test('the code challenge can be switched off for a provider that can’t take it, and then neither challenge nor verifier is sent', async () => {
  const { client, scripted } = stage({ provider: { pkce: false } })
  const pending = await client.authorizationRequest()
  expect('codeVerifier' in pending).toBe(false)
  expect(pending.url).not.toMatch(/challenge|verifier/)
  await client.exchangeCode(scripted.login(pending.url), pending)
  expect(scripted.tokenRequests[0]!.params.toString()).not.toMatch(/challenge|verifier/)
})

test.each([
  ['code_challenge', 'x'.repeat(43)],
  ['code_challenge_method', 'plain'],
])('the code challenge takes no %s from outside', async (name, value) => {
  const { client } = stage()
  const error = await rejection(client.authorizationRequest({ params: { [name]: value } }))
  expect(error).toBeInstanceOf(ConfigError)
  expect(() => stage({ provider: { authorizationParams: { [name]: value } } })).toThrow(ConfigError)
})
