import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ReauthorizationRequiredError } from '../../src/model/errors.ts'
import { withGrant } from '../../src/undici/index.ts'
import { settled } from '../refresh/setup.ts'
import { closing, OLD_MS, stage as openStage, UNDICI, type Undici } from './setup.ts'

const BIG = 32 * 1024 * 1024

describe.each(UNDICI)('a 401 under withGrant with %s', (_name, undici) => {
  const { Client, request } = undici

  /** The first token is rejected from the start, and is old enough to be replaced. */
  async function stage(options: Parameters<typeof openStage>[1] = {}) {
    const staged = await openStage(undici, options)
    staged.api.refuses = (token) => token === 'at-f-0'
    await staged.session.token()
    await staged.clock.advance(OLD_MS)
    let open = (): void => {}
    const hold = (): void => {
      staged.provider.gate = new Promise((resolve) => (open = resolve))
    }
    return { ...staged, hold, open: () => open(), settled: <T>(work: Promise<T>) => settled(staged.clock, work) }
  }

  test('to fifty concurrent requests causes one refresh, and each is sent once more', async () => {
    const { api, dispatcher, provider, settled } = await stage()
    const answers = await settled(
      Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const { body } = await request(`${api.origin}/${index}`, { dispatcher })
          return body.text()
        }),
      ),
    )
    expect(answers).toEqual(Array(50).fill('at-f-1 '))
    expect(provider.redemptions).toBe(1)
    expect(api.seen).toHaveLength(100)
    expect(new Set(api.seen.map(({ token, url }) => `${url} ${token}`)).size).toBe(100)
  })

  const REPEATABLE: [string, () => unknown][] = [
    ['a string', () => 'x=1'],
    ['a Buffer', () => Buffer.from('x=1')],
    ['a typed array', () => new TextEncoder().encode('x=1')],
    ['a Blob', () => new Blob(['x=1'])],
    ['undici’s own FormData', () => form(undici)],
  ]

  test.each(REPEATABLE)('causes a second request with the whole of %s', async (_body, make) => {
    const { api, dispatcher, settled } = await stage()
    const body = make() as string
    expect((await settled(request(api.origin, { dispatcher, method: 'POST', body }))).statusCode).toBe(200)
    expect(api.seen.map(({ method }) => method)).toEqual(['POST', 'POST'])
    for (const seen of api.seen) expect(seen.body).toMatch(/^x=1$|name="x"\r\n\r\n1\r\n/)
  })

  test.each([
    ['an object', Object.freeze({ 'x-mine': '1' })],
    ['names and values in turn', Object.freeze(['x-mine', '1'])],
    ['an iterable that is read once', new Map([['x-mine', '1']]).entries()],
  ])('causes a second request with the caller’s headers, given as %s', async (_form, headers) => {
    const { api, dispatcher, settled } = await stage()
    await settled(request(api.origin, { dispatcher, headers: headers as never }))
    expect(api.seen.map(({ token }) => token)).toEqual(['at-f-0', 'at-f-1'])
    expect(api.seen.map((seen) => seen.headers['x-mine'])).toEqual(['1', '1'])
  })

  test('is passed on after a stream, which is not sent twice, and the next request has a new token', async () => {
    const { api, dispatcher, provider, settled } = await stage()
    const body = Readable.from(['on', 'ce'])
    const refused = await settled(request(api.origin, { dispatcher, method: 'POST', body }))
    expect(refused.statusCode).toBe(401)
    expect(await refused.body.text()).toBe('refused')
    expect(api.seen.map((seen) => seen.body)).toEqual(['once'])
    await request(api.origin, { dispatcher })
    expect(api.seen.at(-1)!.token).toBe('at-f-1')
    expect(provider.redemptions).toBe(1)
  })

  test('causes one refresh, and the next one within a minute causes none', async () => {
    const { api, dispatcher, provider, settled } = await stage()
    api.refuses = () => true
    for (let count = 0; count < 3; count += 1) {
      const { body, statusCode } = await settled(request(api.origin, { dispatcher }))
      expect([statusCode, await body.text()]).toEqual([401, 'refused'])
    }
    expect(api.seen).toHaveLength(4)
    expect(provider.redemptions).toBe(1)
  })

  test('is passed on if the new token is rejected too', async () => {
    const { api, dispatcher, provider, settled } = await stage()
    api.refuses = () => true
    const { body, statusCode } = await settled(request(api.origin, { dispatcher }))
    expect([statusCode, await body.text()]).toEqual([401, 'refused'])
    expect(api.seen.map(({ token }) => token)).toEqual(['at-f-0', 'at-f-1'])
    expect(provider.redemptions).toBe(1)
  })

  test('is passed on without retry401, by the session’s policy or by the option', async () => {
    for (const [policy, option] of [
      [false, undefined],
      [undefined, false],
    ]) {
      const { agent, api, provider, session } = await stage(policy === undefined ? {} : { retry401: policy })
      const dispatcher = agent.compose(withGrant(session, option === undefined ? {} : { retry401: option }))
      expect((await request(api.origin, { dispatcher })).statusCode).toBe(401)
      expect(provider.redemptions).toBe(0)
    }
  })

  test('is held back by a pause of its connection, and then passed to its caller whole', async () => {
    const { api, dispatcher, hold, open, provider, settled } = await stage()
    let answer: ServerResponse | undefined
    api.refuse = (response) => (answer = response.writeHead(401)).end(Buffer.alloc(BIG, 'x'))
    hold()
    const refused = request(api.origin, { dispatcher, method: 'POST', body: Readable.from(['once']) })
    while (provider.underway === 0) await new Promise(setImmediate)
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    expect(answer!.writableFinished).toBe(false)
    open()
    const { body, statusCode } = await settled(refused)
    expect(statusCode).toBe(401)
    expect((await body.arrayBuffer()).byteLength).toBe(BIG)
  })

  test('is passed whole to a handler that never pauses', async () => {
    const { api, dispatcher, hold, open, provider, settled } = await stage()
    api.refuse = (response) => response.writeHead(401).end(Buffer.alloc(BIG, 'x'))
    hold()
    const told = new Promise<number>((resolve, reject) => {
      let bytes = 0
      const handler = {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData: (_: unknown, chunk: Buffer) => void (bytes += chunk.byteLength),
        onResponseEnd: () => resolve(bytes),
        onResponseError: (_: unknown, error: Error) => reject(error),
      }
      const options = { origin: api.origin, path: '/', method: 'POST', body: Readable.from(['once']) }
      dispatcher.dispatch(options, handler)
    })
    while (provider.underway === 0) await new Promise(setImmediate)
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate)
    open()
    expect(await settled(told)).toBe(BIG)
  })

  test('with an endless body is cut off when the request is sent again', async () => {
    const { api, dispatcher, settled } = await stage()
    let cut: Promise<unknown> | undefined
    api.refuse = (response) => {
      response.writeHead(401).write('more to come')
      cut = new Promise((resolve) => response.on('close', resolve))
    }
    const { body } = await settled(request(api.origin, { dispatcher }))
    expect(await body.text()).toBe('at-f-1 ')
    await cut
  })

  test.each([
    ['a request that can be sent again', (): Readable | null => null, [200, 'answer']],
    ['a stream', () => Readable.from(['once']), [401, '']],
  ] as const)('that ends with its connection does not affect %s', async (_body, make, expected) => {
    const { api, dispatcher, hold, open, provider, settled } = await stage()
    api.server.removeAllListeners('request')
    api.server.on('request', (incoming: IncomingMessage) => {
      const { authorization } = incoming.headers
      const answer = authorization === 'Bearer at-f-0' ? ['401 Unauthorized', ''] : ['200 OK', 'answer']
      incoming.resume().on('end', () => {
        incoming.socket.end(`HTTP/1.1 ${answer[0]}\r\nconnection: close\r\n\r\n${answer[1]}`)
      })
    })
    hold()
    const sent = request(api.origin, { dispatcher, method: 'POST', body: make() })
    while (provider.underway === 0) await new Promise(setImmediate)
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    open()
    const { body, statusCode } = await settled(sent)
    expect([statusCode, await body.text()]).toEqual(expected)
  })

  test('that has arrived leaves its connection open for the next request', async () => {
    const { api, session, settled } = await stage()
    const client = closing(new Client(api.origin))
    const dispatcher = client.compose(withGrant(session))
    const { body } = await settled(request(api.origin, { dispatcher }))
    expect(await body.text()).toBe('at-f-1 ')
    expect(api.connections).toBe(1)
  })

  test('whose connection breaks is a reason to send the request again', async () => {
    const { api, dispatcher, hold, open, provider, settled } = await stage()
    api.refuse = (response) => {
      response.writeHead(401, { 'content-length': '100' }).write('half')
      setImmediate(() => response.destroy())
    }
    hold()
    const sent = request(api.origin, { dispatcher })
    while (provider.underway === 0) await new Promise(setImmediate)
    open()
    expect((await settled(sent)).statusCode).toBe(200)
  })

  test('does not delay an abort of its caller', async () => {
    const { api, dispatcher, hold, open, provider, session, settled } = await stage()
    hold()
    const reason = new Error('left')
    let sends = 0
    for (const body of [null, Readable.from(['once'])]) {
      sends += 1
      const controller = new AbortController()
      const { signal } = controller
      const sent = request(api.origin, { dispatcher, method: 'POST', signal, body })
      while (provider.underway === 0 || api.seen.length < sends) await new Promise(setImmediate)
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
      controller.abort(reason)
      await expect(sent).rejects.toBe(reason)
    }
    open()
    expect(await settled(session.accessToken({ rejected: 'at-f-0' }))).toBe('at-f-1')
    expect(api.seen.map(({ token }) => token)).toEqual(['at-f-0', 'at-f-0'])
    expect(provider.redemptions).toBe(1)
  })

  test('fails with the reason if there is no new token, for either kind of handler', async () => {
    const { api, dispatcher, provider, settled } = await stage()
    provider.kill()
    const told = new Promise((resolve) => {
      const handler = { onRequestStart() {}, onResponseError: (_: unknown, error: Error) => resolve(error) }
      dispatcher.dispatch({ origin: api.origin, path: '/', method: 'GET' }, handler)
    })
    expect(await settled(told)).toBeInstanceOf(ReauthorizationRequiredError)
    await expect(settled(request(api.origin, { dispatcher }))).rejects.toBeInstanceOf(ReauthorizationRequiredError)
  })

  test('to a stream is passed on if there is no new token', async () => {
    const { api, dispatcher, provider, settled } = await stage()
    provider.kill()
    const sent = request(api.origin, { dispatcher, method: 'POST', body: Readable.from(['once']) })
    expect((await settled(sent)).statusCode).toBe(401)
  })

  test('ends a handler that throws as undici does', async () => {
    const { api, dispatcher, settled } = await stage()
    api.refuse = (response) => response.writeHead(401).write('more to come')
    const told = new Promise((resolve) => {
      const handler = {
        onRequestStart() {},
        onResponseStart() {
          throw new Error('mine')
        },
        onResponseError: (_: unknown, error: Error) => resolve(error.message),
      }
      const options = { origin: api.origin, path: '/', method: 'POST', body: Readable.from(['once']) }
      dispatcher.dispatch(options, handler)
    })
    expect(await settled(told)).toBe('mine')
  })
})

test.each(UNDICI)('a 403 is never a reason to refresh with %s', async (_name, undici) => {
  const { api, clock, dispatcher, provider } = await openStage(undici)
  api.answer = (_seen, response) => response.writeHead(403).end()
  await clock.advance(OLD_MS)
  expect((await undici.request(api.origin, { dispatcher })).statusCode).toBe(403)
  expect(provider.redemptions).toBe(0)
})

function form({ FormData }: Undici): InstanceType<Undici['FormData']> {
  const data = new FormData()
  data.set('x', '1')
  return data
}
