import { expect, test, vi } from 'vitest'
import * as own from '../../src/index.ts'
import { withGrant } from '../../src/undici/index.ts'

type Library = typeof own

/** The library once more, as a second installation or a second module format brings it. */
async function anotherCopy(): Promise<Library> {
  vi.resetModules()
  const copy: Library = await import('../../src/index.ts')
  expect(copy.OAuth2Client).not.toBe(own.OAuth2Client)
  return copy
}

const server = { token_endpoint: 'https://as.example/token' }
const clientOf = ({ OAuth2Client }: Library) => new OAuth2Client({ provider: { name: 'acme', server }, clientId: 'id' })
const token = { access_token: 'a', token_type: 'bearer' }
const said = /was made by another copy of the library.*npm ls evergrant/s

test('a client of another copy of the library is named as such', async () => {
  const other = clientOf(await anotherCopy())
  for (const wrong of [() => new own.OAuth2Session(other), () => new own.Grants({ clients: { acme: other } })]) {
    expect(wrong).toThrow(own.ConfigError)
    expect(wrong).toThrow(said)
    expect(wrong).toThrow(/This OAuth2Client/)
  }
  const grants = new own.Grants({ clients: () => other })
  await expect(grants.session('acme', 'alice').token()).rejects.toThrow(said)
})

test('a session of another copy of the library is named as such', async () => {
  const copy = await anotherCopy()
  const other = new copy.OAuth2Session(clientOf(copy), { token })
  expect(() => withGrant(other)).toThrow(own.ConfigError)
  expect(() => withGrant(other)).toThrow(said)
  expect(() => withGrant(other, { origins: ['https://api.example'] })).toThrow(/This OAuth2Session/)
  // As a source of tokens it is as good as any.
  const seen: string[] = []
  const bound = own.fetchWith(other, {
    fetch: async (_input, init) => {
      seen.push(new Headers(init?.headers).get('authorization')!)
      return new Response('x')
    },
  })
  await bound('https://api.example/')
  expect(seen).toEqual(['Bearer a'])
})

test('an object of no copy of the library is neither client nor session', () => {
  for (const stranger of [
    undefined,
    null,
    1,
    'client',
    {},
    [],
    () => undefined,
    new Map(),
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    ),
  ]) {
    // prettier-ignore
    const wrong = () => new own.Grants({ clients: { acme: stranger as never } })
    expect(wrong).toThrow(own.ConfigError)
    expect(wrong).toThrow(/Expected the client to be an OAuth2Client/)
  }
  expect(() => withGrant({} as never)).toThrow(own.ConfigError)
  expect(() => withGrant({ token: async () => ({ accessToken: 'a', tokenType: 'bearer' }) })).toThrow(/needs origins/)
})
