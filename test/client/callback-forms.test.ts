import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parse as parseQuery } from 'node:querystring'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Callback } from '../../src/client/flows/callback-input.ts'
import { readCallback } from '../../src/client/flows/callback-input.ts'
import { beginLogin, makeClient, rejection, scripted } from './setup.ts'

const granted = { body: { access_token: 'new-access-token', token_type: 'Bearer' } }

const formData = (query: string): FormData => {
  const form = new FormData()
  for (const [name, value] of new URLSearchParams(query)) form.append(name, value)
  return form
}

/** The request that a server of Node got. */
async function nodeRequest(path: string, init: RequestInit = {}): Promise<IncomingMessage> {
  const server = createServer()
  const request = new Promise<IncomingMessage>((resolve) => {
    server.on('request', (incoming, response) => {
      resolve(incoming)
      incoming.resume()
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, init)
  server.close()
  return request
}

const codeLast = (query: string): string => new URLSearchParams([...new URLSearchParams(query)].toReversed()).toString()

const forms: Record<string, (query: string) => unknown> = {
  'a raw query': (query) => query,
  'a raw query with a question mark': (query) => `?${query}`,
  'a raw query that begins with an ampersand': (query) => `&${query}`,
  'a raw query with a question mark in a value': (query) => `${query}&hint=a?b`,
  'a raw query with white space around it': (query) => `\n ${query} `,
  'a relative URL without slash': (query) => `callback?${query}`,
  'a URL of a native application': (query) => `com.example.app:/callback?${query}`,
  'a relative URL with a question mark in a value': (query) => `/callback?${query}&hint=a?b=c`,
  'a URL with a fragment, which Facebook appends': (query) => `/callback?${codeLast(query)}#_=_`,
  'a raw query with a fragment': (query) => `${codeLast(query)}#_=_`,
  'a URL object with a fragment': (query) => new URL(`https://app.example/callback?${codeLast(query)}#_=_`),
  'a FormData': formData,
  'an object that a parser of queries made': (query) => parseQuery(query),
  'the fields of a parsed body': (query) => Object.fromEntries(new URLSearchParams(query)),
  'such fields of another realm': (query) =>
    runInNewContext('JSON.parse(text)', { text: JSON.stringify(Object.fromEntries(new URLSearchParams(query))) }),
  'fields with lists of one': (query) =>
    Object.fromEntries([...new URLSearchParams(query)].map(([name, value]) => [name, [value]])),
  'a URL of another class': (query) =>
    new (class {
      href = `https://app.example/callback?${query}`
      search = `?${query}`
    })(),
  'a Request of another class': (query) =>
    new (class {
      url = `https://app.example/callback?${query}`
      method = 'GET'
      headers = new Headers()
    })(),
  'Node’s own request': (query) => nodeRequest(`/callback?${query}`),
  'a request of Koa or Fastify': (query) =>
    Object.create(
      { toJSON() {} },
      {
        url: { value: `/callback?${query}` },
        method: { value: 'GET' },
        headers: { value: { host: 'app.example' } },
      },
    ),
}

test.each(Object.entries(forms))('a good callback may be %s', async (_, form) => {
  const { fetch, last } = scripted(granted)
  const client = makeClient(fetch)
  const { pending } = await beginLogin(client)
  const query = `code=a%2Bb%3D&state=${pending.state}&scope=read&empty=`
  const token = await client.exchangeCode((await form(query)) as Callback, pending)
  expect(token.accessToken).toBe('new-access-token')
  expect(last().body.get('code')).toBe('a+b=')
})

const outcome = async (fields: (state: string) => object): Promise<unknown> => {
  const { fetch, requests } = scripted(granted)
  const client = makeClient(fetch)
  const { pending } = await beginLogin(client)
  const error = await rejection(client.exchangeCode(fields(pending.state) as Callback, pending))
  expect(requests).toEqual([])
  return error['code']
}

test.each([
  ['the state twice', (state: string) => ({ code: 'c', state: [state, 'x'] }), 'duplicate_parameter'],
  ['the code twice', (state: string) => ({ code: ['a', 'b'], state }), 'duplicate_parameter'],
  ['the code twice, the same', (state: string) => ({ code: ['a', 'a'], state }), 'duplicate_parameter'],
  ['no state', () => ({ code: 'c' }), 'state_mismatch'],
  ['nothing', () => ({}), 'state_mismatch'],
  ['something else', () => ({ foo: 'bar' }), 'state_mismatch'],
  ['an object for a state', () => ({ code: 'c', state: { toString: () => 'x' } }), 'state_mismatch'],
  ['null for a code', (state: string) => ({ code: null, state }), 'missing_code'],
  ['an object for a code', (state: string) => ({ code: { a: '1' }, state }), 'missing_code'],
  ['a file for a code', (state: string) => ({ code: new Blob(['c']), state }), 'missing_code'],
  [
    'a state that is inherited',
    () => Object.create(null, { code: { value: 'c', enumerable: true } }),
    'state_mismatch',
  ],
])('parsed fields with %s are refused', async (_, fields, code) => {
  expect(await outcome(fields)).toBe(code)
})

test('parsed fields that have a url among them stay fields', async () => {
  const fields = { code: 'c', state: 's', url: '/callback?code=other&state=other', method: 'GET', headers: {} }
  expect(Object.fromEntries(await readCallback(fields as never))).toMatchObject({ code: 'c', state: 's' })
})

test('parsed fields whose parser made numbers of them are read', async () => {
  expect([...(await readCallback({ code: 4, state: 's', on: true } as never))]).toEqual([
    ['code', '4'],
    ['state', 's'],
    ['on', 'true'],
  ])
})

test.each(['text/plain', 'application/json', 'application/x-www-form-urlencoded-too', undefined])(
  'a Request by POST whose body is no form (%s) brings no parameters',
  async (type) => {
    const { fetch, requests } = scripted(granted)
    const client = makeClient(fetch)
    const { pending } = await beginLogin(client)
    const body = new TextEncoder().encode(`code=c&state=${pending.state}`)
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type }
    const request = new Request('https://app.example/callback', { method: 'POST', body, headers })
    expect(await rejection(client.exchangeCode(request, pending))).toMatchObject({ code: 'state_mismatch' })
    expect(requests).toEqual([])
  },
)

test.each(['POST', 'post'])('Node’s own request by %s is refused by name, with what to pass', async (method) => {
  const client = makeClient(scripted(granted).fetch)
  const { pending } = await beginLogin(client)
  const body = new URLSearchParams({ code: 'c', state: pending.state })
  const incoming = method === 'POST' ? await nodeRequest('/callback', { method, body }) : undefined
  const request =
    incoming ?? Object.create({}, { url: { value: '/' }, method: { value: method }, headers: { value: {} } })
  const error = await rejection(client.exchangeCode(request as Callback, pending))
  expect(error['code']).toBe('config_error')
  expect(error.message).toMatch(/Node.*request.*POST.*request\.body/)
})

test('pending is accepted without its url, also when it comes from JSON', async () => {
  const { fetch } = scripted({ body: { ...granted.body, scope: undefined } })
  const client = makeClient(fetch)
  const { pending, callback } = await beginLogin(client, { scope: 'read write' })
  const { url: _, ...kept } = pending
  const token = await client.exchangeCode(callback, JSON.parse(JSON.stringify(kept)) as typeof kept)
  expect(token.scope).toEqual(['read', 'write'])
})
