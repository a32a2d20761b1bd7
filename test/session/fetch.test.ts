import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import {
  ConfigError,
  InsecureTransportError,
  OriginNotAllowedError,
  ReauthorizationRequiredError,
} from '../../src/model/errors.ts'
import { fetchWith, staticSource } from '../../src/fetch/fetch-with.ts'
import { OAuth2Session } from '../../src/session.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { FakeServer } from '../refresh/fake-server.ts'
import { HOUR, settled } from '../refresh/setup.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly body: string
}

let api: Server
let other: Server
let origin = ''
let elsewhere = ''
let seen: Seen[] = []
/** Access tokens that the API refuses. */
let refuses = (_token: string): boolean => false

async function record(request: IncomingMessage): Promise<Seen> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  const entry = {
    method: request.method ?? '',
    url: request.url ?? '',
    authorization: request.headers.authorization,
    body,
  }
  seen.push(entry)
  return entry
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

beforeEach(async () => {
  seen = []
  refuses = () => false
  other = createServer((request, response) => {
    void record(request).then(() => response.writeHead(request.url === '/refuses' ? 401 : 200).end('elsewhere'))
  })
  elsewhere = await listen(other)
  api = createServer((request, response) => {
    void record(request).then(({ authorization, body, url }) => {
      if (url === '/leave') return response.writeHead(302, { location: `${elsewhere}/arrived` }).end()
      if (url === '/leave-refused') return response.writeHead(302, { location: `${elsewhere}/refuses` }).end()
      if (url === '/stay') return response.writeHead(307, { location: '/arrived' }).end()
      const token = authorization?.replace('Bearer ', '') ?? ''
      return response.writeHead(refuses(token) ? 401 : 200).end(`${token} ${body}`)
    })
  })
  origin = await listen(api)
})

afterEach(() => {
  for (const server of [api, other]) {
    server.closeAllConnections()
    server.close()
  }
})

const isProvider = (input: string | URL | Request) =>
  (input instanceof Request ? input.url : input.toString()).startsWith('https://as.example')

function session(options: { retry401?: boolean; resourceOrigins?: string[] } = {}) {
  const clock = fakeClock()
  const server = new FakeServer()
  const client = new OAuth2Client({
    provider: server.provider,
    clientId: 'id',
    clientSecret: 'client-secret',
    clock,
    // The provider is in memory; resources are real.
    fetch: (input, init) => (isProvider(input) ? server.fetch(input, init) : fetch(input, init)),
    resourceOrigins: options.resourceOrigins ?? [origin],
  })
  const made = new OAuth2Session(client, {
    token: { ...server.issue(), expires_at: (clock.now() + HOUR) / 1000 },
    ...(options.retry401 !== undefined && { policy: { retry401: options.retry401 } }),
  })
  return { session: made, server, clock }
}

test('strings, URLs and Requests are sent with the token, and the caller’s headers object stays as it was', async () => {
  const { session: bound } = session()
  const headers = { 'x-mine': '1' }
  await bound.fetch(`${origin}/a`, { headers })
  await bound.fetch(new URL(`${origin}/b`), { method: 'POST', body: 'text' })
  await bound.fetch(new Request(`${origin}/c`, { method: 'PUT', body: 'more', headers: { 'x-mine': '2' } }))
  expect(seen.map(({ authorization }) => authorization)).toEqual(Array(3).fill('Bearer at-f-0'))
  expect(seen.map(({ method, body }) => method + body)).toEqual(['GET', 'POSTtext', 'PUTmore'])
  expect(headers).toEqual({ 'x-mine': '1' })
})

test('session.fetch is bound to its session', async () => {
  const { fetch: apart } = session().session
  expect((await apart(`${origin}/`)).status).toBe(200)
})

const REPEATABLE: [string, () => BodyInit][] = [
  ['a string', () => 'x=1'],
  ['URLSearchParams', () => new URLSearchParams({ x: '1' })],
  ['a Blob', () => new Blob(['x=1'])],
  ['an ArrayBuffer', () => new TextEncoder().encode('x=1').buffer],
  ['a typed array', () => new TextEncoder().encode('x=1')],
]

test.each(REPEATABLE)('after a 401, %s is sent again with a new token', async (_name, body) => {
  const { session: bound, server, clock } = session()
  refuses = (token) => token === 'at-f-0'
  await clock.advance(120_000)
  const response = await settled(clock, bound.fetch(`${origin}/`, { method: 'POST', body: body() }))
  expect(await response.text()).toBe('at-f-1 x=1')
  expect(seen).toHaveLength(2)
  expect(server.redemptions).toBe(1)
})

test('after a 401, a form with a file is sent again with a new token', async () => {
  const { session: bound, clock } = session()
  refuses = (token) => token === 'at-f-0'
  await clock.advance(120_000)
  const body = new FormData()
  body.set('file', new File(['contents'], 'name.txt'))
  expect((await settled(clock, bound.fetch(`${origin}/`, { method: 'POST', body }))).status).toBe(200)
  expect(seen.every((each) => each.body.includes('contents'))).toBe(true)
})

test('after a 401, a Request with a body is sent again whole', async () => {
  const { session: bound, clock } = session()
  refuses = (token) => token === 'at-f-0'
  await clock.advance(120_000)
  const response = await settled(clock, bound.fetch(new Request(`${origin}/`, { method: 'POST', body: 'whole' })))
  expect(await response.text()).toBe('at-f-1 whole')
})

test('a stream is not sent twice: its 401 is returned, and the next request has a new token', async () => {
  const { session: bound, server, clock } = session()
  refuses = (token) => token === 'at-f-0'
  await clock.advance(120_000)
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('once'))
      controller.close()
    },
  })
  const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit
  expect((await settled(clock, bound.fetch(`${origin}/`, init))).status).toBe(401)
  expect(seen.map(({ body }) => body)).toEqual(['once'])
  expect((await bound.fetch(`${origin}/`)).status).toBe(200)
  expect(server.redemptions).toBe(1)
})

test('with retry401 false a 401 is returned to the caller', async () => {
  const { session: bound, server, clock } = session({ retry401: false })
  refuses = () => true
  await clock.advance(120_000)
  expect((await bound.fetch(`${origin}/`)).status).toBe(401)
  expect(server.redemptions).toBe(0)
})

test('an API that always responds 401 gets two requests and costs one refresh a minute at most', async () => {
  const { session: bound, server, clock } = session()
  refuses = () => true
  await clock.advance(120_000)
  expect((await settled(clock, bound.fetch(`${origin}/`))).status).toBe(401)
  expect(seen).toHaveLength(2)
  for (let second = 0; second < 10 * 60; second += 5) {
    await clock.advance(5000)
    await settled(clock, bound.fetch(`${origin}/`))
  }
  expect(server.redemptions).toBeLessThanOrEqual(11)
  expect(server.redemptions).toBeGreaterThanOrEqual(9)
})

test('a 403 is never a reason to refresh', async () => {
  const { session: bound, server, clock } = session({ resourceOrigins: [origin] })
  api.removeAllListeners('request')
  api.on('request', (_request, response: ServerResponse) =>
    response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }).end(),
  )
  await clock.advance(120_000)
  expect((await bound.fetch(`${origin}/`)).status).toBe(403)
  expect(server.redemptions).toBe(0)
})

test('a redirect within the origin keeps the token; one to another origin does not carry it there', async () => {
  const { session: bound } = session()
  await bound.fetch(`${origin}/stay`, { method: 'POST', body: 'kept' })
  expect(seen.at(-1)).toMatchObject({ url: '/arrived', authorization: 'Bearer at-f-0', body: 'kept' })
  await bound.fetch(`${origin}/leave`)
  expect(seen.at(-1)).toMatchObject({ url: '/arrived', authorization: undefined })
})

test('a 401 from another origin after a redirect says nothing about the token', async () => {
  const { session: bound, server, clock } = session()
  await clock.advance(120_000)
  const response = await bound.fetch(`${origin}/leave-refused`)
  expect(response.status).toBe(401)
  expect(server.redemptions).toBe(0)
})

test('the token goes to no origin that is not allowed, and not over plain http off loopback', async () => {
  const { session: bound } = session()
  await expect(bound.fetch(`${elsewhere}/`)).rejects.toBeInstanceOf(OriginNotAllowedError)
  await expect(bound.fetch('https://evil.example/')).rejects.toBeInstanceOf(OriginNotAllowedError)
  await expect(bound.fetch('http://api.example/')).rejects.toBeInstanceOf(InsecureTransportError)
  expect(seen).toHaveLength(0)
})

test('an Authorization header of the caller and a relative URL are refused', async () => {
  const { session: bound } = session()
  await expect(bound.fetch(`${origin}/`, { headers: { Authorization: 'Basic x' } })).rejects.toBeInstanceOf(ConfigError)
  await expect(bound.fetch(new Request(`${origin}/`, { headers: { authorization: 'x' } }))).rejects.toBeInstanceOf(
    ConfigError,
  )
  await expect(bound.fetch('/relative?secret=1')).rejects.toThrow(/absolute.*'\/relative'/)
  expect(seen).toHaveLength(0)
})

test('an aborted request rejects with its reason, whether it waits for the token or for the resource', async () => {
  const { session: bound, server, clock } = session()
  const controller = new AbortController()
  server.gate = new Promise(() => undefined)
  await clock.advance(2 * HOUR)
  const waiting = bound.fetch(`${origin}/`, { signal: controller.signal })
  const reason = new Error('left')
  controller.abort(reason)
  await expect(waiting).rejects.toBe(reason)
})

test('a rejected request of an ended grant rejects with the error of the grant', async () => {
  const { session: bound, server, clock } = session()
  refuses = () => true
  server.kill()
  await clock.advance(120_000)
  await expect(settled(clock, bound.fetch(`${origin}/`))).rejects.toBeInstanceOf(ReauthorizationRequiredError)
})

test('the body of a 401 that its caller does not get is cancelled, which frees its connection', async () => {
  let left = false
  const body = new ReadableStream({
    cancel: () => {
      left = true
    },
  })
  const ended = new Error('no other token')
  const bound = fetchWith(
    {
      token: async ({ rejected } = {}) => {
        if (rejected !== undefined) throw ended
        return { accessToken: 'refused', tokenType: 'bearer' }
      },
    },
    { fetch: async () => new Response(body, { status: 401 }) },
  )
  await expect(bound('https://api.example/')).rejects.toBe(ended)
  expect(left).toBe(true)
})

test('fetchWith sends any source’s token, to the named origins only', async () => {
  const anywhere = fetchWith(staticSource('fixed'))
  expect(await (await anywhere(`${origin}/`)).text()).toBe('fixed ')
  await expect(anywhere('http://api.example/')).rejects.toBeInstanceOf(InsecureTransportError)
  const bound = fetchWith(staticSource({ accessToken: 'fixed', tokenType: 'bearer' }), { origins: [origin] })
  expect((await bound(`${origin}/`)).status).toBe(200)
  await expect(bound(`${elsewhere}/`)).rejects.toBeInstanceOf(OriginNotAllowedError)
  expect(() => fetchWith(staticSource('x'), { origins: ['api.example'] })).toThrow(ConfigError)
})

test('fetchWith uses the fetch it is given, and a static source has no other token after a 401', async () => {
  const asked: string[] = []
  const bound = fetchWith(staticSource('fixed'), {
    fetch: async (_input, init) => {
      asked.push(new Headers(init?.headers).get('authorization') ?? '')
      return new Response(null, { status: 401 })
    },
  })
  expect((await bound('https://api.example/')).status).toBe(401)
  expect(asked).toEqual(['Bearer fixed'])
  expect(() => staticSource('line\nbreak')).toThrow(ConfigError)
})
