import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { fetchTransport, MAX_ANSWER_BYTES, type Transport } from '../../src/client/http/transport.ts'
import { ConfigError } from '../../src/model/errors.ts'
import { OAuth2Session } from '../../src/session.ts'
import { undiciTransport } from '../../src/undici/index.ts'
import { makeOldToken, rejection } from '../client/setup.ts'
import { closing, UNDICI } from './setup.ts'

const TRANSPORTS: [string, () => Transport][] = [
  ['fetch', () => fetchTransport(fetch)],
  ...UNDICI.map(([name, { Agent }]): [string, () => Transport] => [name, () => undiciTransport(closing(new Agent()))]),
]

const ANSWER = JSON.stringify({ access_token: 'new-token', token_type: 'bearer', refresh_token: 'next' })

async function listen(handle: RequestListener): Promise<string> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing({
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each(TRANSPORTS)('a request to the provider over %s', (_name, open) => {
  const clientAt = (base: string): OAuth2Client =>
    new OAuth2Client({
      provider: { name: 'acme', server: { token_endpoint: `${base}/token?tenant=a` } },
      clientId: 'web',
      clientSecret: 'client-secret-value',
      transport: open(),
      fetch: () => Promise.reject(new Error('not over fetch')),
    })
  const refreshAt = (base: string, signal?: AbortSignal) =>
    clientAt(base).refresh(makeOldToken(), signal === undefined ? {} : { signal })

  test('sends the form, and reads the response', async () => {
    const seen: unknown[] = []
    const base = await listen((request, response) => {
      void text(request).then((body) => {
        const { authorization, 'content-type': type } = request.headers
        seen.push(request.method, request.url, type, authorization?.split(' ')[0], body)
        response.end(ANSWER)
      })
    })
    expect(await refreshAt(base)).toMatchObject({ accessToken: 'new-token', refreshToken: 'next' })
    const type = 'application/x-www-form-urlencoded;charset=UTF-8'
    expect(seen).toEqual([
      'POST',
      '/token?tenant=a',
      type,
      'Basic',
      'refresh_token=old-refresh-token&grant_type=refresh_token',
    ])
  })

  test('was certainly not sent if no server listens', async () => {
    const server = createTcpServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    expect(await rejection(refreshAt(`http://127.0.0.1:${port}`))).toMatchObject({
      name: 'ProviderUnavailableError',
      maybeProcessed: false,
    })
  })

  test('was certainly not sent if the server has no TLS', async () => {
    const server = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing(server)
    const error = await rejection(refreshAt(`https://127.0.0.1:${(server.address() as AddressInfo).port}`))
    expect(error).toMatchObject({ name: 'ProviderUnavailableError', maybeProcessed: false })
  })

  test('may have been processed if the connection breaks after it was read', async () => {
    const base = await listen((request) => request.resume().on('end', () => request.socket.destroy()))
    const error = await rejection(refreshAt(base))
    expect(error).toMatchObject({ name: 'ProviderUnavailableError', maybeProcessed: true })
    expect(error).not.toHaveProperty('status')
  })

  test('may have been processed if the connection breaks during the response', async () => {
    const base = await listen((request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"access_token":"')
      setImmediate(() => request.socket.destroy())
    })
    expect(await rejection(refreshAt(base))).toMatchObject({ status: 200, maybeProcessed: true })
  })

  test.each([
    ['is silent', false],
    ['stops during the response', true],
  ])('is aborted at the server too if that %s and the caller leaves', async (_what, begins) => {
    const controller = new AbortController()
    const reason = new Error('left')
    let gone: Promise<unknown> | undefined
    const base = await listen((request, response) => {
      gone = new Promise((resolve) => request.socket.on('close', resolve))
      if (begins) response.writeHead(200).write('{"access')
      setImmediate(() => controller.abort(reason))
    })
    expect(await rejection(refreshAt(base, controller.signal))).toBe(reason)
    await gone
  })

  test('is not sent after its caller has left', async () => {
    let requests = 0
    const base = await listen((_request, response) => {
      requests += 1
      response.end(ANSWER)
    })
    const reason = new Error('left')
    expect(await rejection(refreshAt(base, AbortSignal.abort(reason)))).toBe(reason)
    const sent = open()({ url: `${base}/`, method: 'GET', headers: {}, signal: AbortSignal.abort(reason) })
    expect(await rejection(sent)).toBe(reason)
    expect(requests).toBe(0)
  })

  test('accepts a response of up to 1 MiB, in any pieces', async () => {
    let more = ''
    const base = await listen((_request, response) => {
      const bytes = Buffer.from(`${ANSWER}${' '.repeat(MAX_ANSWER_BYTES - ANSWER.length)}${more}`)
      response.writeHead(200).write(bytes.subarray(0, 5))
      setImmediate(() => response.end(bytes.subarray(5)))
    })
    expect(await refreshAt(base)).toMatchObject({ accessToken: 'new-token' })
    more = ' '
    expect(await rejection(refreshAt(base))).toMatchObject({ name: 'TokenResponseError', problem: 'unreadable' })
  })

  test('stops reading an endless response', async () => {
    let gone: Promise<unknown> | undefined
    const base = await listen((_request, response) => {
      gone = once(response, 'close')
      const piece = Buffer.alloc(65_536, ' ')
      const pour = (): void => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', pour)
      pour()
    })
    expect(await rejection(refreshAt(base))).toMatchObject({ name: 'TokenResponseError', problem: 'unreadable' })
    await gone
  })

  test('decodes characters that arrive in pieces, and responses that are compressed without being asked to', async () => {
    const body = Buffer.from(JSON.stringify({ access_token: 'new-token', token_type: 'bearer', note: '☃' }))
    let compressed = false
    const base = await listen((_request, response) => {
      if (compressed) return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body))
      response.write(body.subarray(0, body.length - 4))
      return setImmediate(() => response.end(body.subarray(body.length - 4)))
    })
    expect((await refreshAt(base)).extra).toEqual({ note: '☃' })
    compressed = true
    expect((await refreshAt(base)).extra).toEqual({ note: '☃' })
  })

  test('waits for the response that follows a 1xx', async () => {
    const base = await listen((_request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' })
      response.end(ANSWER)
    })
    expect(await refreshAt(base)).toMatchObject({ accessToken: 'new-token' })
  })

  test('does not follow a redirect', async () => {
    const seen: string[] = []
    const base = await listen((request, response) => {
      seen.push(request.url ?? '')
      response.writeHead(307, { location: '/elsewhere' }).end()
    })
    expect(await rejection(refreshAt(base))).toMatchObject({ status: 307, maybeProcessed: false })
    expect(seen).toEqual(['/token?tenant=a'])
  })

  test('reports when to retry, and does not read a body that does not matter', async () => {
    let gone: Promise<unknown> | undefined
    const base = await listen((_request, response) => {
      gone = once(response, 'close')
      response.writeHead(503, { 'retry-after': '7' }).write('more to come')
    })
    expect(await rejection(refreshAt(base))).toMatchObject({ status: 503, retryAfterMs: 7000, maybeProcessed: false })
    await gone
  })
})

test('requests to the provider use the transport, and requests to resources use fetch', async () => {
  const issuer = 'https://as.example'
  const asked: string[] = []
  const answers: Record<string, object> = {
    '/.well-known/oauth-authorization-server': {
      issuer,
      token_endpoint: `${issuer}/token`,
      revocation_endpoint: `${issuer}/revoke`,
      introspection_endpoint: `${issuer}/introspect`,
      userinfo_endpoint: `${issuer}/userinfo`,
    },
    '/token': { access_token: 'new-token', token_type: 'bearer' },
    '/revoke': {},
    '/introspect': { active: true },
    '/userinfo': { sub: 'alice' },
  }
  const transport: Transport = async ({ url, method }) => {
    const { pathname } = new URL(url)
    asked.push(`${method} ${pathname}`)
    return { status: 200, headers: new Headers(), text: async () => JSON.stringify(answers[pathname]) }
  }
  const fetched: string[] = []
  const client = new OAuth2Client({
    provider: { name: 'acme', server: issuer },
    clientId: 'web',
    clientSecret: 'client-secret-value',
    transport,
    fetch: async (input) => {
      fetched.push(new Request(input).url)
      return new Response('found')
    },
  })
  const token = await client.refresh(makeOldToken())
  await client.revoke(token)
  await client.introspect(token)
  await client.userInfo(token)
  await client.clientCredentials()
  const session = closing(new OAuth2Session(client, { token }))
  expect(await (await session.fetch(`${issuer}/resource`)).text()).toBe('found')
  expect(fetched).toEqual([`${issuer}/resource`])
  expect(asked).toEqual([
    'GET /.well-known/oauth-authorization-server',
    'POST /token',
    'POST /revoke',
    'POST /introspect',
    'GET /userinfo',
    'POST /token',
  ])
})

test('a response that is too long is rejected if the transport did not cut it off', async () => {
  const long = ANSWER + ' '.repeat(MAX_ANSWER_BYTES)
  const client = new OAuth2Client({
    provider: { name: 'acme', server: { token_endpoint: 'https://as.example/token' } },
    clientId: 'web',
    clientSecret: 'client-secret-value',
    transport: async () => ({ status: 200, headers: new Headers(), text: async () => long }),
  })
  expect(await rejection(client.refresh(makeOldToken()))).toMatchObject({ problem: 'unreadable' })
})

test('undiciTransport needs a dispatcher', () => {
  expect(() => undiciTransport(undefined as never)).toThrow(ConfigError)
})
