import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { discardBody } from '../../src/client/http/bodies.ts'
import { fetchTransport, MAX_ANSWER_BYTES, readText } from '../../src/client/http/transport.ts'
import { ProviderUnavailableError } from '../../src/model/errors.ts'
import { fetchWith } from '../../src/fetch/fetch-with.ts'
import { HOUR } from '../refresh/setup.ts'
import { API, stage } from './setup.ts'

/** A response of node-fetch: its body is a Node.js stream, which `clone()` shares by two pipes. */
class NodeAnswer {
  readonly headers: Headers
  readonly status: number
  readonly url = ''
  readonly redirected = false
  body: Readable | null

  constructor(body: Readable | null, init: { status?: number; headers?: Record<string, string> } = {}) {
    this.body = body
    this.status = init.status ?? 200
    this.headers = new Headers(init.headers)
  }

  clone(): NodeAnswer {
    const buffered = { highWaterMark: 16_384 }
    const [one, two] = [new PassThrough(buffered), new PassThrough(buffered)]
    this.body!.pipe(one)
    this.body!.pipe(two)
    this.body = one
    return new NodeAnswer(two, { status: this.status, headers: Object.fromEntries(this.headers) })
  }

  async text(): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of this.body ?? []) chunks.push(Buffer.from(chunk as Uint8Array))
    return Buffer.concat(chunks).toString()
  }
}

const answer = (...args: ConstructorParameters<typeof NodeAnswer>): Response =>
  new NodeAnswer(...args) as unknown as Response
const never = (): Readable => new Readable({ read() {} })

test('the Node stream of a 401 response is cancelled when the request is sent again', async () => {
  const bodies: Readable[] = []
  const { fetch, settle } = await stage(({ token }) => {
    if (token !== 'at-f-0') return answer(Readable.from([Buffer.from('good')]))
    bodies.push(never())
    return answer(bodies[0]!, { status: 401 })
  })
  expect(await (await settle(fetch(`${API}/`))).text()).toBe('good')
  expect(bodies[0]!.destroyed).toBe(true)
})

test('the Node stream of a 401 response is cancelled when no other token is available', async () => {
  const body = never()
  const bound = fetchWith(
    {
      token: async ({ rejected } = {}) => {
        if (rejected !== undefined) throw new Error('none')
        return { accessToken: 'refused', tokenType: 'bearer' }
      },
    },
    { fetch: async () => answer(body, { status: 401 }) },
  )
  await expect(bound(API)).rejects.toThrow('none')
  expect(body.destroyed).toBe(true)
})

test('a 401 without a body, or with a body of an unknown kind, causes the same repeat', async () => {
  for (const body of [
    null,
    undefined,
    {},
    'text',
    {
      cancel: () => {
        throw new Error('no')
      },
    },
    { cancel: () => Promise.reject(new Error('no')) },
  ]) {
    // prettier-ignore
    const { fetch, settle } = await stage(({ token }) => {
      const refused = answer(body as null, { status: 401 })
      return token === 'at-f-0' ? refused : new Response('good')
    })
    expect(await (await settle(fetch(`${API}/`))).text()).toBe('good')
  }
})

test('a body that is being read is left to its reader', async () => {
  const response = new Response('x')
  const reader = response.body!.getReader()
  discardBody(response)
  await new Promise(setImmediate)
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('x')
})

test('a rejection in a Node stream is recognised, and any other body stays whole, however long', async () => {
  const provider = { rejected: [{ status: 403, body: { code: 'OVER' } }] }
  const headers = { 'content-type': 'application/json' }
  const refusing = await stage(
    ({ token }) =>
      token === 'at-f-0'
        ? answer(Readable.from([Buffer.from('{"code":'), Buffer.from('"OVER"}')]), { status: 403, headers })
        : answer(Readable.from([Buffer.from('good')])),
    { provider },
  )
  expect(await (await refusing.settle(refusing.fetch(`${API}/`))).text()).toBe('good')

  for (const size of [10, 20_000, 60_000, 300_000]) {
    const text = JSON.stringify({ code: 'ELSE', padding: 'x'.repeat(size) })
    const chunks = text.match(/.{1,4000}/g)!.map((part) => Buffer.from(part))
    const { fetch, server } = await stage(() => answer(Readable.from(chunks), { status: 403, headers }), { provider })
    expect(await (await fetch(`${API}/`)).text()).toBe(text)
    expect(server.redemptions).toBe(0)
  }
})

test('requests to the provider work with a fetch that returns Node streams', async () => {
  const { session, clock, settle } = await stage(() => new Response('x'), {
    client: {
      fetch: async () =>
        answer(
          Readable.from([
            Buffer.from('{"access_token":"node","token_type":"bearer",'),
            Buffer.from('"expires_in":3600}'),
          ]),
        ),
    },
  })
  await clock.advance(HOUR)
  expect(await settle(session.accessToken())).toBe('node')
})

test('a response of the provider that is not read is cancelled, whatever its body', async () => {
  const body = never()
  const { session, settle } = await stage(() => new Response('x'), {
    client: { fetch: async () => answer(body, { status: 503 }) },
  })
  await expect(settle(session.refresh())).rejects.toBeInstanceOf(ProviderUnavailableError)
  expect(body.destroyed).toBe(true)
  const none = await fetchTransport(async () => answer(null, { status: 503 }))({ url: API, method: 'GET', headers: {} })
  none.discard!()
  expect(await none.text()).toBe('')
})

test('a text is read up to 1 MiB, from every kind of body', async () => {
  const part = Buffer.alloc(MAX_ANSWER_BYTES / 16, 'x')
  let sent = 0
  const endless = Readable.from(
    (function* () {
      for (;;) {
        sent += 1
        yield part
      }
    })(),
  )
  expect(await readText(answer(endless))).toBeUndefined()
  expect(endless.destroyed).toBe(true)
  expect(sent).toBeLessThan(20 + 16)
  expect(await readText(answer(Readable.from(Array(16).fill(part))))).toHaveLength(MAX_ANSWER_BYTES)
  expect(await readText(answer(Readable.from([...Array<Buffer>(16).fill(part), Buffer.from('x')])))).toBeUndefined()
  // Characters that are cut in two, and streams of text.
  const euro = Buffer.from('€')
  expect(await readText(answer(Readable.from([euro.subarray(0, 1), euro.subarray(1)])))).toBe('€')
  expect(await readText(answer(Readable.from(['te', 'xt'])))).toBe('text')
  await expect(readText(answer(new Readable({ read() { this.destroy(new Error('cut')) } })))).rejects.toThrow('cut') // prettier-ignore
})

test('a stream that fails while it is cancelled ends no process', async () => {
  const body = new Readable({
    read() {},
    destroy: (_error, done) => done(new Error('broken')),
  })
  discardBody(answer(body))
  await new Promise(setImmediate)
  expect(body.destroyed).toBe(true)
})

test('with the streams of real requests, connections are not kept busy', async () => {
  // As a fetch made of Node's own client.
  const { request, Agent } = await import('node:http')
  const server = createServer((incoming, response) => {
    const status = incoming.headers.authorization === 'Bearer at-f-0' ? 401 : 200
    response.writeHead(status).end('x'.repeat(100_000))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const { settle, session } = await stage(() => new Response('x'), { client: { resourceOrigins: [origin] } })
    const bound = fetchWith(session, {
      fetch: (input, init) =>
        new Promise((resolve, reject) => {
          request(input as string, { agent, headers: Object.fromEntries(new Headers(init?.headers)) }, (incoming) =>
            resolve(answer(incoming, { status: incoming.statusCode! })),
          )
            .on('error', reject)
            .end()
        }),
    })
    expect(await (await settle(bound(origin))).text()).toHaveLength(100_000)
  } finally {
    agent.destroy()
    server.closeAllConnections()
    server.close()
  }
})
