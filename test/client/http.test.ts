import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { retryAfter, send } from '../../src/client/http/send.ts'
import { surelyNotSent } from '../../src/client/http/network-errors.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { fetchTransport, MAX_ANSWER_BYTES, readText } from '../../src/client/http/transport.ts'
import { systemClock } from '../../src/util/clock.ts'
import { InsecureTransportError, ProviderUnavailableError } from '../../src/model/errors.ts'
import { Secrets } from '../../src/util/redact.ts'
import { makeClient, makeOldToken, NOW, rejection, scripted } from './setup.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A server on a free port of loopback. */
async function listen(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A client whose provider is a server of this machine, over the real fetch. */
const clientOf = (base: string): OAuth2Client =>
  new OAuth2Client({
    provider: { name: 'acme', server: { token_endpoint: `${base}/token` } },
    clientId: 'web',
    clientSecret: 'client-secret-value',
  })

const refreshAt = (base: string): Promise<Error & Record<string, unknown>> =>
  rejection(clientOf(base).refresh(makeOldToken()))

test('a connection that fails before the request left was surely not processed', async () => {
  const base = await listen(() => {})
  for (const close of closers.splice(0)) close()
  const error = await refreshAt(base)
  expect(error).toBeInstanceOf(ProviderUnavailableError)
  expect(error).toMatchObject({ maybeProcessed: false, retryable: true })
  expect(error).not.toHaveProperty('status')
  expect(error.message).toMatch(/could not be sent.*was not reached/)
})

test('a connection that fails because of the certificate was surely not processed', async () => {
  // It speaks no TLS at all.
  const server = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const error = await refreshAt(`https://127.0.0.1:${(server.address() as AddressInfo).port}`)
  expect(error).toMatchObject({ name: 'ProviderUnavailableError', maybeProcessed: false })
})

test('a connection that fails after the request was read may have been processed', async () => {
  const base = await listen((request) => request.resume().on('end', () => request.socket.destroy()))
  expect(await refreshAt(base)).toMatchObject({
    name: 'ProviderUnavailableError',
    maybeProcessed: true,
    retryable: true,
  })
})

test('a connection that fails in the middle of the response may have been processed', async () => {
  const base = await listen((request, response) => {
    response.writeHead(200, { 'content-length': '1000' }).write('{"access_token":"')
    setImmediate(() => request.socket.destroy())
  })
  expect(await refreshAt(base)).toMatchObject({ name: 'ProviderUnavailableError', status: 200, maybeProcessed: true })
})

test('a response whose headers arrived was sent for, whatever its body then fails with', async () => {
  const refused = Object.assign(new Error('proxy'), { code: 'ECONNREFUSED' })
  const body = new ReadableStream({ start: (controller) => controller.error(refused) })
  const fetch = (): Promise<Response> => Promise.resolve(new Response(body))
  expect(await rejection(makeClient(fetch).refresh(makeOldToken()))).toMatchObject({
    status: 200,
    maybeProcessed: true,
  })
})

test('nothing is sent over plain http off loopback, wherever the URL came from', async () => {
  const { fetch, requests } = scripted({})
  const insecure = { name: 'acme', allowInsecureRequests: true, remote: false }
  const transport = fetchTransport(fetch)
  const context = { name: 'acme', clock: systemClock, transport, logger: undefined, insecure, userAgent: 'evergrant' }
  const request = {
    purpose: 'test',
    url: 'http://as.example/token',
    method: 'POST',
    headers: {},
    secrets: new Secrets(),
  }
  expect(await rejection(send(context, request))).toBeInstanceOf(InsecureTransportError)
  expect(requests).toEqual([])
})

const coded = (code: string, more: object = {}): Error => Object.assign(new Error(code), { code, ...more })
const failed = (cause: unknown): Error => new TypeError('fetch failed', { cause })

test.each([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
])('what a failed fetch says of its request %s: never sent', async (code) => {
  expect(surelyNotSent(failed(coded(code)))).toBe(true)
  const { fetch } = scripted(failed(coded(code)))
  expect(await rejection(makeClient(fetch).refresh(makeOldToken()))).toMatchObject({ maybeProcessed: false })
})

test.each([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC',
])('what a failed fetch says of its request %s: maybe sent', async (code) => {
  expect(surelyNotSent(failed(coded(code)))).toBe(false)
  const { fetch } = scripted(failed(coded(code)))
  expect(await rejection(makeClient(fetch).refresh(makeOldToken()))).toMatchObject({ maybeProcessed: true })
})

/** As Deno 2.9.6, 1.45 and older ones reject: what they say of an address behind `url` or `error sending request`. */
const deno = (message: string): Error => failed(new Error(message))
const bun = (code: string, message: string): Error => Object.assign(new Error(message), { code, errno: 0 })

test.each([
  [
    'Deno: refused',
    deno(
      'error sending request for url (http://127.0.0.1:1/token?x=(1)): client error (Connect): tcp connect error: Connection refused (os error 111)',
    ),
  ],
  [
    'Deno on Windows: refused',
    deno(
      'error sending request for url (https://as.example/): client error (Connect): tcp connect error: No connection could be made because the target machine actively refused it. (os error 10061)',
    ),
  ],
  [
    'Deno: no such name',
    deno(
      'error sending request for url (http://no.invalid/): client error (Connect): dns error: failed to lookup address information: Name or service not known',
    ),
  ],
  [
    'Deno: no TLS',
    deno(
      'error sending request for url (https://as.example/): client error (Connect): received corrupt message of type InvalidContentType',
    ),
  ],
  [
    'Deno: TLS broke off',
    deno('error sending request for url (https://as.example/): client error (Connect): tls handshake eof'),
  ],
  [
    'Deno: no route',
    deno(
      'error sending request for url (http://[2001:db8::1]/): client error (Connect): tcp connect error: No route to host (os error 113)',
    ),
  ],
  [
    'Deno 1.46 to 2.0: refused',
    new TypeError(
      'error sending request for url (http://localhost:4444/): client error (Connect): tcp connect error: Connection refused (os error 61)',
    ),
  ],
  ['Deno 1.45: refused', new TypeError('client error (Connect)')],
  [
    'Deno 1.31: refused',
    new TypeError(
      'error sending request for url (http://localhost:9/): error trying to connect: tcp connect error: Connection refused (os error 61)',
    ),
  ],
  [
    'Deno’s own sockets: refused',
    Object.assign(new Error('Connection refused (os error 111)'), { name: 'ConnectionRefused' }),
  ],
  [
    'Bun: refused, no such name, no route, no TLS',
    bun('ConnectionRefused', 'Unable to connect. Is the computer able to access the url?'),
  ],
  ['Bun 1.4: refused', bun('ECONNREFUSED', 'ECONNREFUSED: Unable to connect. Is the computer able to access the url?')],
  ['Bun 1.4: no TLS', bun('EPROTO', 'EPROTO: The TLS handshake failed. Does the server speak TLS on this port?')],
  ['Bun: no socket', bun('FailedToOpenSocket', 'Was there a typo in the url or port?')],
  ['Bun: not to be trusted', bun('DEPTH_ZERO_SELF_SIGNED_CERT', 'self signed certificate')],
])('what a failed fetch says of its request %s: never sent', async (_name, error) => {
  expect(surelyNotSent(error)).toBe(true)
  expect(await rejection(makeClient(scripted(error).fetch).refresh(makeOldToken()))).toMatchObject({
    maybeProcessed: false,
  })
})

test.each([
  [
    'Deno: closed after the request',
    deno(
      'error sending request from 127.0.0.1:60340 for http://127.0.0.1:42033/ (127.0.0.1:42033): client error (SendRequest): connection closed before message completed',
    ),
  ],
  ['Deno: reset after the request', deno('Connection reset by peer (os error 104)')],
  [
    'Deno: reset, with words of ours in the URL',
    deno(
      'error sending request from 127.0.0.1:1 for http://as.example/client%20error%20(Connect) (127.0.0.1:2): client error (SendRequest): connection error: Connection reset by peer (os error 54)',
    ),
  ],
  ['Deno 1.45: while it was sent', new TypeError('client error (SendRequest)')],
  [
    'Bun: closed after the request',
    bun(
      'ECONNRESET',
      'The socket connection was closed unexpectedly. For more information, pass `verbose: true` in the second argument to fetch()',
    ),
  ],
  [
    'Node.js: TLS broke in the middle',
    bun('EPROTO', 'write EPROTO 139:error:0A000126:SSL routines::unexpected eof while reading'),
  ],
  ['Bun: no response in time', bun('TimeoutError', 'The operation timed out.')],
])('what a failed fetch says of its request %s: maybe sent', async (_name, error) => {
  expect(surelyNotSent(error)).toBe(false)
  expect(await rejection(makeClient(scripted(error).fetch).refresh(makeOldToken()))).toMatchObject({
    maybeProcessed: true,
  })
})

test('a request whose connection attempts to several addresses all failed was never sent', () => {
  const refused = coded('ECONNREFUSED')
  expect(surelyNotSent(failed(new AggregateError([refused, coded('ETIMEDOUT', { syscall: 'connect' })])))).toBe(true)
  expect(surelyNotSent(failed(new AggregateError([refused, coded('ECONNRESET')])))).toBe(false)
  expect(surelyNotSent(failed(new AggregateError([])))).toBe(false)
})

test('a request whose fetch failed for an unknown reason counts as sent', () => {
  const circular = new Error('a')
  circular.cause = circular
  for (const error of [circular, 'ECONNREFUSED', undefined, null, new Error('x'), failed(undefined)]) {
    expect(surelyNotSent(error)).toBe(false)
  }
})

test.each([408, 425, 429, 500, 502, 503, 504, 599])(
  'a response that asks to retry later with status %i is complete: nothing was processed, and its body doesn’t matter',
  async (status) => {
    const { fetch } = scripted({ status, body: { error: 'invalid_grant' } })
    const error = await rejection(makeClient(fetch).refresh(makeOldToken()))
    expect(error).toBeInstanceOf(ProviderUnavailableError)
    expect(error).toMatchObject({ status, maybeProcessed: false, retryable: true })
    expect(error).not.toHaveProperty('retryAfterMs')
  },
)

const dated = (headers: Record<string, string>): number | undefined => retryAfter(new Headers(headers), NOW)
test.each<[Record<string, string>, number | undefined]>([
  [{ 'retry-after': '120' }, 120_000],
  [{ 'retry-after': ' 0 ' }, 0],
  [{ 'retry-after': '1.5' }, 1500],
  [{ 'retry-after': '7, 120 ,7' }, 120_000],
  [{ 'retry-after': new Date(NOW + 30_000).toUTCString() }, 30_000],
  [{ 'retry-after': new Date(NOW - 30_000).toUTCString() }, 0],
  // The server's clock is an hour ahead; its own date says so.
  [{ 'retry-after': new Date(NOW + 3_630_000).toUTCString(), date: new Date(NOW + 3_600_000).toUTCString() }, 30_000],
  [{ 'retry-after': 'soon' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{}, undefined],
])('a Retry-After of %j means %s ms', (headers, ms) => {
  expect(dated(headers)).toBe(ms)
})

test('the error of a response that asks to retry later has its time', async () => {
  const { fetch } = scripted({ status: 429, headers: { 'retry-after': '7' } })
  const error = await rejection(makeClient(fetch).refresh(makeOldToken()))
  expect(error).toMatchObject({ status: 429, retryAfterMs: 7000 })
  expect(error.message).toContain('in 7 s')
})

test.each([301, 302, 303, 307, 308])(
  'a redirect (%i) from the token endpoint is not followed, because it would forward credentials',
  async (status) => {
    const seen: string[] = []
    const base = await listen((request, response) => {
      seen.push(request.url!)
      response.writeHead(status, { location: '/elsewhere' }).end()
    })
    expect(await refreshAt(base)).toMatchObject({ name: 'ProviderUnavailableError', status, maybeProcessed: false })
    expect(seen).toEqual(['/token'])
  },
)

test('a redirect as browsers show it (status 0) is reported as a redirect', async () => {
  const opaque = { status: 0, headers: new Headers(), body: null } as Response
  const fetch = (): Promise<Response> => Promise.resolve(opaque)
  const error = await rejection(makeClient(fetch).refresh(makeOldToken()))
  expect(error.message).toContain('redirect')
})

test('readText reads up to 1 MiB, multi-byte characters across chunks included', async () => {
  const text = 'é'.repeat(MAX_ANSWER_BYTES / 2)
  expect(await readText(new Response(text))).toBe(text)
  expect(await readText(new Response(`${text}x`))).toBeUndefined()
  const bytes = new TextEncoder().encode('☃')
  const stream = new ReadableStream({
    start: (controller) => {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })
  expect(await readText(new Response(stream))).toBe('☃')
  expect(await readText(new Response(null))).toBe('')
})

test('readText reads the bodies of other implementations of fetch', async () => {
  const foreign = (text: string): Response => ({ body: {}, text: () => Promise.resolve(text) }) as never
  expect(await readText(foreign('x'))).toBe('x')
  expect(await readText(foreign('x'.repeat(MAX_ANSWER_BYTES + 1)))).toBeUndefined()
})

test('readText stops a stream that doesn’t end', async () => {
  let cancelled = false
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    cancel: () => {
      cancelled = true
      throw new Error('ignored')
    },
  })
  expect(await readText(new Response(endless))).toBeUndefined()
  expect(cancelled).toBe(true)
})
