import { expect, test } from 'vitest'
import { ConfigError, fetchWith, GrantNotFoundError, OAuth2Session, staticSource } from '../../src/index.ts'
import { rejection, stage } from './setup.ts'

const send = async (url: string, init?: RequestInit) => {
  const sent: Request[] = []
  const plain: typeof fetch = (input, more) => {
    sent.push(new Request(input, more))
    return Promise.resolve(new Response())
  }
  await fetchWith(staticSource('the-token'), { fetch: plain })(url, init)
  expect(sent).toHaveLength(1)
  return sent[0]!
}

test('the token goes into the Authorization header', async () => {
  expect((await send('https://api.example/')).headers.get('authorization')).toBe('Bearer the-token')
})

test('the token leaves a URL with a query as it is', async () => {
  expect((await send('https://api.example/path?foo=bar')).url).toBe('https://api.example/path?foo=bar')
})

test('the token leaves a form body as it is', async () => {
  const request = await send('https://api.example/', { method: 'POST', body: new URLSearchParams({ foo: 'bar' }) })
  expect(await request.text()).toBe('foo=bar')
  expect(request.headers.get('authorization')).toBe('Bearer the-token')
})

test('without a token, nothing is sent', async () => {
  const { scripted, client } = stage()
  expect(await rejection(new OAuth2Session(client).fetch(scripted.resource))).toBeInstanceOf(GrantNotFoundError)
  expect(scripted.requests).toEqual([])
  expect(() => staticSource('')).toThrow(ConfigError)
})
