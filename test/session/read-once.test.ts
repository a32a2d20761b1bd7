import { expect, test } from 'vitest'
import { ConfigError, OriginNotAllowedError } from '../../src/model/errors.ts'
import { fetchWith } from '../../src/fetch/fetch-with.ts'
import { API, stage } from './setup.ts'

const refusingFirst = ({ token }: { token: string | undefined }) =>
  new Response('', { status: token === 'at-f-0' ? 401 : 200 })

test('one URL object and one Headers object that the caller changes between requests send each state', async () => {
  const { fetch, sent } = await stage(() => new Response('x'))
  const url = new URL(`${API}/items`)
  const headers = new Headers()
  const pages = []
  for (const page of ['1', '2', '3']) {
    url.searchParams.set('page', page)
    headers.set('x-page', page)
    pages.push(fetch(url, { headers }))
  }
  await Promise.all(pages)
  expect(sent.map(({ url: at, headers: had }) => `${at} ${had.get('x-page')}`)).toEqual(
    ['1', '2', '3'].map((page) => `${API}/items?page=${page} ${page}`),
  )
})

test('a URL that is changed after the call takes the token nowhere else', async () => {
  const { fetch, sent, settle } = await stage(refusingFirst)
  const url = new URL(`${API}/mine`)
  const call = fetch(url)
  url.host = 'evil.example'
  await settle(call)
  expect(sent.map((each) => `${each.url} ${each.token}`)).toEqual([`${API}/mine at-f-0`, `${API}/mine at-f-1`])

  const odd = { at: `${API}/odd`, toString: () => odd.at }
  const other = fetch(odd as unknown as URL)
  odd.at = 'https://evil.example/'
  await settle(other)
  expect(sent.at(-1)!.url).toBe(`${API}/odd`)
})

test('an object that returns another URL at each read is checked by the URL that is sent', async () => {
  const { fetch, sent } = await stage(() => new Response('x'))
  let looks = 0
  const sly = { toString: () => ((looks += 1) === 1 ? `${API}/` : 'https://evil.example/') }
  await fetch(sly as unknown as URL)
  expect(sent.map(({ url }) => url)).toEqual([`${API}/`])
})

const HEADERS: [string, () => { headers: HeadersInit; change: () => void }][] = [
  [
    'a Headers object',
    () => {
      const headers = new Headers({ 'x-mine': 'before' })
      return { headers, change: () => headers.set('x-mine', 'after') }
    },
  ],
  [
    'an object',
    () => {
      const headers: Record<string, string> = { 'x-mine': 'before' }
      return { headers, change: () => (headers['x-mine'] = 'after') }
    },
  ],
  [
    'pairs',
    () => {
      const pair: [string, string] = ['x-mine', 'before']
      return { headers: [pair], change: () => (pair[1] = 'after') }
    },
  ],
]

test.each(HEADERS)('headers given as %s are those of the call, in the repeat too', async (_form, make) => {
  const { fetch, sent, settle } = await stage((each) => {
    change()
    return refusingFirst(each)
  })
  const { headers, change } = make()
  const call = fetch(`${API}/`, { headers })
  change()
  await settle(call)
  expect(sent.map((each) => each.headers.get('x-mine'))).toEqual(['before', 'before'])
})

test('an Authorization header that is added after the call is not sent', async () => {
  const { fetch, sent } = await stage(() => new Response('x'))
  const headers = new Headers()
  const init = { headers }
  const call = fetch(`${API}/`, init)
  headers.set('authorization', 'Basic mine')
  await call
  expect(sent[0]!.headers.get('authorization')).toBe('Bearer at-f-0')
})

test('an init object that is changed after the call changes nothing', async () => {
  const { fetch, sent, settle } = await stage(refusingFirst)
  const init: RequestInit = { method: 'POST', body: 'before', headers: { 'x-mine': 'before' } }
  const call = fetch(`${API}/`, init)
  Object.assign(init, { method: 'DELETE', body: 'after', headers: { 'x-mine': 'after' }, signal: AbortSignal.abort() })
  await settle(call)
  expect(sent.map((each) => `${each.method} ${each.body} ${each.headers.get('x-mine')}`)).toEqual(
    Array(2).fill('POST before before'),
  )
})

test('an init of another Request, or with inherited members, is read as fetch reads it', async () => {
  const { fetch, sent } = await stage(() => new Response('x'))
  await fetch(
    `${API}/`,
    new Request('https://else.example/', { method: 'PUT', body: 'text', headers: { 'x-mine': '1' } }),
  )
  await fetch(`${API}/`, Object.create({ method: 'POST', body: 'inherited' }) as RequestInit)
  expect(sent.map((each) => `${each.method} ${each.body}`)).toEqual(['PUT text', 'POST inherited'])
  expect(sent[0]!.headers.get('x-mine')).toBe('1')
})

const BODIES: [string, () => { body: BodyInit; change: () => void }][] = [
  [
    'URLSearchParams',
    () => {
      const body = new URLSearchParams({ x: 'before' })
      return { body, change: () => body.set('x', 'after') }
    },
  ],
  [
    'FormData',
    () => {
      const body = new FormData()
      body.set('x', 'before')
      body.set('file', new File(['before'], 'name.txt'))
      return {
        body,
        change: () => {
          body.set('x', 'after')
          body.delete('file')
        },
      }
    },
  ],
  [
    'a typed array',
    () => {
      const body = new TextEncoder().encode('before')
      return { body, change: () => body.fill(65) }
    },
  ],
  [
    'a view of a part of a buffer',
    () => {
      const bytes = new TextEncoder().encode('__before__')
      return { body: new DataView(bytes.buffer, 2, 6), change: () => bytes.fill(65) }
    },
  ],
  [
    'a Buffer',
    () => {
      const body = Buffer.from('before')
      return { body, change: () => body.fill('A') }
    },
  ],
  [
    'an ArrayBuffer',
    () => {
      const bytes = new TextEncoder().encode('before')
      return { body: bytes.buffer, change: () => bytes.fill(65) }
    },
  ],
]

test.each(BODIES)('a body of %s is sent as it was at the call, in the repeat too', async (_kind, make) => {
  const { fetch, sent, settle } = await stage((each) => {
    change()
    return refusingFirst(each)
  })
  const { body, change } = make()
  const call = fetch(`${API}/`, { method: 'POST', body })
  change()
  await settle(call)
  expect(sent.map((each) => each.token)).toEqual(['at-f-0', 'at-f-1'])
  for (const each of sent) {
    expect(each.body).toContain('before')
    expect(each.body).not.toMatch(/after|AAA/)
    if (each.body.includes('form-data')) expect(each.body).toMatch(/filename="name.txt"/)
  }
  expect(new Set(sent.map((each) => each.headers.get('content-type')?.split(';')[0])).size).toBe(1)
})

test('a Request that is changed or read after the call is sent as it was, in the repeat too', async () => {
  const { fetch, sent, settle } = await stage(refusingFirst)
  const request = new Request(`${API}/`, { method: 'POST', body: 'whole', headers: { 'x-mine': 'before' } })
  const call = fetch(request)
  request.headers.set('x-mine', 'after')
  request.headers.set('authorization', 'Basic mine')
  // As with fetch itself, the body is the call's.
  expect(request.bodyUsed).toBe(true)
  await settle(call)
  expect(sent.map((each) => `${each.token} ${each.body} ${each.headers.get('x-mine')}`)).toEqual([
    'at-f-0 whole before',
    'at-f-1 whole before',
  ])
})

test('a Request with a body and an init that has none of its own is repeated whole', async () => {
  const { fetch, sent, settle } = await stage(refusingFirst)
  const request = new Request(`${API}/`, { method: 'POST', body: 'whole' })
  await settle(fetch(request, { body: null, headers: { 'x-mine': '1' } }))
  expect(sent.map((each) => `${each.token} ${each.body}`)).toEqual(['at-f-0 whole', 'at-f-1 whole'])
})

test('what the caller’s objects are at the call decides about origin and headers', async () => {
  const { fetch, sent } = await stage(() => new Response('x'))
  const url = new URL('https://evil.example/')
  const refused = fetch(url)
  url.host = 'api.example'
  await expect(refused).rejects.toBeInstanceOf(OriginNotAllowedError)
  const headers = new Headers({ authorization: 'Basic mine' })
  const own = fetch(`${API}/`, { headers })
  headers.delete('authorization')
  await expect(own).rejects.toBeInstanceOf(ConfigError)
  expect(sent).toEqual([])
})

test('the signal of a request is the one at the call', async () => {
  const { fetch, server, clock, settle } = await stage(() => new Response('x'))
  let open = (): void => {}
  server.gate = new Promise((resolve) => (open = resolve))
  await clock.advance(3_600_000)
  const mine = new AbortController()
  const init: RequestInit = { signal: mine.signal }
  const call = fetch(`${API}/`, init)
  init.signal = AbortSignal.abort()
  open()
  expect((await settle(call)).status).toBe(200)
})

test('fetchWith reads once too, whatever the source takes', async () => {
  const seen: string[] = []
  const bound = fetchWith(
    { token: () => new Promise((resolve) => setImmediate(resolve, { accessToken: 'a', tokenType: 'bearer' })) },
    {
      fetch: async (input, init) => {
        seen.push(`${input as string} ${new Headers(init?.headers).get('x-mine')}`)
        return new Response('x')
      },
    },
  )
  const url = new URL(`${API}/before`)
  const headers = { 'x-mine': 'before' }
  const call = bound(url, { headers })
  url.pathname = '/after'
  headers['x-mine'] = 'after'
  await call
  expect(seen).toEqual([`${API}/before before`])
})

test('a stream that calls itself FormData, as those of form-data do, is sent once', async () => {
  const { fetch, sent, settle } = await stage(() => new Response('', { status: 401 }))
  const body = {
    [Symbol.toStringTag]: 'FormData',
    pipe: () => undefined,
    async *[Symbol.asyncIterator]() {
      yield new TextEncoder().encode('once')
    },
  }
  const init = { method: 'POST', body: body as unknown as BodyInit, duplex: 'half' } as RequestInit
  expect((await settle(fetch(`${API}/`, init))).status).toBe(401)
  expect(sent.map((each) => each.body)).toEqual(['once'])
})
