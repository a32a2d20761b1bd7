import { expect, test } from 'vitest'
import { ConfigError, fetchWith, staticSource } from '../../../src/index.ts'
import { rejection, stage } from '../setup.ts'

test.each<[form: string, make: () => HeadersInit]>([
  ['a plain object, even a frozen one', () => Object.freeze({ accept: 'text/html', 'x-own': 'value' })],
  ['a Headers object', () => new Headers({ accept: 'text/html', 'x-own': 'value' })],
  ['a list', () => [['accept', 'text/html'] as [string, string], ['x-own', 'value'] as [string, string]]],
])('the caller’s headers as %s arrive with the token, and the caller’s object stays as it was', async (_form, make) => {
  const { scripted, session } = stage()
  const held = session()
  const headers = make()
  const init = Object.freeze({ headers })
  const before = [...new Headers(headers)]
  await held.fetch(scripted.resource, init)
  await held.fetch(scripted.resource, init)
  expect([...new Headers(headers)]).toEqual(before)
  for (const request of scripted.requests) {
    expect(request.headers.get('authorization')).toBe(`Bearer ${held.issued.access_token}`)
    expect(request.headers.get('accept')).toBe('text/html')
    expect(request.headers.get('x-own')).toBe('value')
  }
  expect(scripted.requests).toHaveLength(2)
})

test('the caller’s headers in a Request arrive with the token, and the Request stays as it was', async () => {
  const { scripted, session } = stage()
  const request = new Request(scripted.resource, { headers: { 'x-own': 'value' } })
  await session().fetch(request)
  expect([...request.headers]).toEqual([['x-own', 'value']])
  expect(scripted.requests[0]!.headers.get('x-own')).toBe('value')
})

test('the caller’s headers next to a Request replace the Request’s own, as with plain fetch', async () => {
  const { scripted, session } = stage()
  await session().fetch(new Request(scripted.resource, { headers: { 'x-own': 'value' } }), {
    headers: { 'x-other': 'value' },
  })
  expect(scripted.requests[0]!.headers.get('x-other')).toBe('value')
  expect(scripted.requests[0]!.headers.has('x-own')).toBe(false)
})

const forms: [form: string, make: (url: string) => Parameters<typeof fetch>][] = [
  ['in a plain object', (url) => [url, { headers: { Authorization: 'Basic b3duOm93bg==' } }]],
  ['in other letters', (url) => [url, { headers: { aUTHORIZATION: 'Basic b3duOm93bg==' } }]],
  ['in a Headers object', (url) => [url, { headers: new Headers({ authorization: 'Basic b3duOm93bg==' }) }]],
  ['in a list', (url) => [url, { headers: [['Authorization', 'Basic b3duOm93bg==']] }]],
  ['in a Request', (url) => [new Request(url, { headers: { authorization: 'Basic b3duOm93bg==' } })]],
  ['that is empty', (url) => [url, { headers: { authorization: '' } }]],
]

test.each(forms)(
  'an Authorization header of the caller’s own (%s) is refused rather than overwritten, before anything is sent or refreshed',
  async (_form, make) => {
    const { scripted, session } = stage()
    for (const members of [{}, { expires_in: 0 }]) {
      const error = await rejection(session(members).fetch(...make(scripted.resource)))
      expect(error).toBeInstanceOf(ConfigError)
      expect(error.message).toContain('Authorization')
      expect(error.message).not.toContain('b3duOm93bg==')
    }
    expect(scripted.requests).toEqual([])
  },
)

test.each(forms)(
  'an Authorization header of the caller’s own (%s) is refused by fetchWith too',
  async (_form, make) => {
    const bound = fetchWith(staticSource('the-token'), { fetch: () => Promise.reject(new Error('something was sent')) })
    expect(await rejection(bound(...make('https://api.example/')))).toBeInstanceOf(ConfigError)
  },
)

test('a URL that can’t be read is refused without its query, where a secret may be', async () => {
  const error = await rejection(stage().session().fetch('/relative?api_key=planted-secret'))
  expect(error).toBeInstanceOf(ConfigError)
  expect(error.message).toContain("'/relative'")
  expect(error.cause).toBeUndefined()
})
