import type { ServerResponse } from 'node:http'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/model/errors.ts'
import { Grants } from '../../src/grants.ts'
import type { RejectedAnswer } from '../../src/model/provider.ts'
import { withGrant } from '../../src/undici/index.ts'
import { settled } from '../refresh/setup.ts'
import { closing, OLD_MS, openApi, stage as openStage, UNDICI } from './setup.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const answering =
  (status: number, body: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(body)

const OVER = JSON.stringify({ error: { code: 'OVER' }, more: 1 })
const RULES: readonly RejectedAnswer[] = [
  { status: 403, body: { error: { code: 'OVER' } } },
  { status: 200, body: { errcode: 40001 } },
  { status: 418 },
  { status: 400, header: { 'X-Reason': 'expired' } },
]

const REFUSALS: [string, (response: ServerResponse) => void][] = [
  ['a body', answering(403, OVER)],
  ['a body in pieces', (response) => { response.writeHead(403, JSON_TYPE).write(OVER.slice(0, 5)); setImmediate(() => response.end(OVER.slice(5))) }], // prettier-ignore
  ['a body that does not end', (response) => response.writeHead(403, JSON_TYPE).write(OVER)],
  ['a good status with a code', answering(200, '{"errcode":40001}')],
  ['a status', answering(418, 'teapot', {})],
  ['a header', answering(400, '', { 'x-reason': 'expired' })],
  ['a body in gzip', answering(403, gzipSync(OVER), { ...JSON_TYPE, 'content-encoding': 'gzip' })],
  ['a body in deflate', answering(403, deflateSync(OVER), { ...JSON_TYPE, 'content-encoding': 'deflate' })],
  ['a body in brotli', answering(403, brotliCompressSync(OVER), { ...JSON_TYPE, 'content-encoding': 'BR' })],
  [
    'a 401 with a challenge that asks for a refresh',
    answering(401, '', { 'www-authenticate': 'Bearer error="invalid_token"' }),
  ],
]

const PADDED = JSON.stringify({ error: { code: 'OVER' }, padding: 'x'.repeat(100_000) })
const OTHERS: [string, number, string | Buffer, Record<string, string>][] = [
  ['another code', 403, JSON.stringify({ error: { code: 'ELSE' } }), JSON_TYPE],
  ['another status', 400, OVER, JSON_TYPE],
  ['no JSON', 403, '<html>', {}],
  ['an empty body', 403, '', JSON_TYPE],
  ['half of a JSON', 403, OVER.slice(0, 10), JSON_TYPE],
  ['more than 64 KiB', 403, PADDED, JSON_TYPE],
  ['more than 64 KiB once it is decoded', 403, gzipSync(PADDED), { ...JSON_TYPE, 'content-encoding': 'gzip' }],
  ['an invalid encoding', 403, 'no gzip', { ...JSON_TYPE, 'content-encoding': 'gzip' }],
  ['an unknown encoding', 403, OVER, { ...JSON_TYPE, 'content-encoding': 'mine' }],
  [
    'a challenge that a refresh cannot fix',
    401,
    'no',
    { 'www-authenticate': 'Basic realm="x", bearer ERROR=Insufficient_User_Authentication' },
  ],
  ['a challenge in DPoP', 401, 'no', { 'www-authenticate': 'DPoP error="insufficient_claims"' }],
]

describe.each(UNDICI)('refusals under withGrant with %s:', (_name, undici) => {
  const { interceptors, request } = undici

  async function stage(refuse: (response: ServerResponse) => void, rejected: readonly RejectedAnswer[] = RULES) {
    const staged = await openStage(undici, { rejected })
    staged.api.refuses = (token) => token === 'at-f-0'
    staged.api.refuse = refuse
    await staged.session.token()
    await staged.clock.advance(OLD_MS)
    return { ...staged, settled: <T>(work: Promise<T>) => settled(staged.clock, work) }
  }

  /** Sends through a handler of the newer kind, as other libraries do. */
  const byHandler = (dispatcher: { dispatch: (options: never, handler: never) => boolean }, origin: string) =>
    new Promise<{ statusCode: number; text: string }>((resolve, reject) => {
      const chunks: Buffer[] = []
      let statusCode = 0
      const handler = {
        onRequestStart() {},
        onResponseStart: (_: unknown, status: number) => void (statusCode = status),
        onResponseData: (_: unknown, chunk: Buffer) => void chunks.push(chunk),
        onResponseEnd: () => resolve({ statusCode, text: Buffer.concat(chunks).toString('latin1') }),
        onResponseError: (_: unknown, error: Error) => reject(error),
      }
      dispatcher.dispatch({ origin, path: '/', method: 'POST', body: 'mine' } as never, handler as never)
    })

  test.each(REFUSALS)('%s that rejects the token causes one refresh and one repeat', async (_by, refuse) => {
    for (const kind of ['request', 'handler']) {
      const { api, dispatcher, provider, settled } = await stage(refuse)
      const answer =
        kind === 'request'
          ? request(api.origin, { dispatcher, method: 'POST', body: 'mine' }).then(({ body }) => body.text())
          : byHandler(dispatcher, api.origin).then(({ text }) => text)
      expect(await settled(answer)).toBe('at-f-1 mine')
      expect(api.seen.map(({ token, body }) => `${token} ${body}`)).toEqual(['at-f-0 mine', 'at-f-1 mine'])
      expect(provider.redemptions).toBe(1)
    }
  })

  test.each(OTHERS)('a response with %s is passed to the caller unchanged', async (_what, status, body, headers) => {
    const { api, dispatcher, provider, settled } = await stage(answering(status, body, headers))
    const expected = Buffer.from(body).toString('latin1')
    const answer = await settled(request(api.origin, { dispatcher, method: 'POST', body: 'mine' }))
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    expect(answer.statusCode).toBe(status)
    expect(bytes.toString('latin1')).toBe(expected)
    expect(await settled(byHandler(dispatcher, api.origin))).toEqual({ statusCode: status, text: expected })
    expect(api.seen).toHaveLength(2)
    expect(provider.redemptions).toBe(0)
  })

  test('without provider data no body is read', async () => {
    const { api, dispatcher } = await stage(answering(403, OVER), [])
    expect((await request(api.origin, { dispatcher })).statusCode).toBe(403)
    expect(api.seen).toHaveLength(1)
  })

  test('such a response to a stream is passed on, and the next request has a new token', async () => {
    const { api, dispatcher, settled } = await stage(answering(403, OVER))
    const sent = request(api.origin, { dispatcher, method: 'POST', body: Readable.from(['once']) })
    const { body, statusCode } = await settled(sent)
    expect([statusCode, await body.text()]).toEqual([403, OVER])
    await request(api.origin, { dispatcher })
    expect(api.seen.at(-1)!.token).toBe('at-f-1')
  })

  test('a large body that rejects no token is passed on and respects the pauses of its reader', async () => {
    const big = Buffer.alloc(8 * 1024 * 1024, '[1]')
    const { api, dispatcher, settled } = await stage(answering(403, big))
    const { body } = await settled(request(api.origin, { dispatcher }))
    let bytes = 0
    for await (const chunk of body) {
      bytes += (chunk as Buffer).byteLength
      if (bytes % 7 === 0) await new Promise(setImmediate)
    }
    expect(bytes).toBe(big.byteLength)
  })

  test('for fetch, which asks for encodings, rejections are recognized and bodies are decoded', async () => {
    const { api, dispatcher, settled } = await stage(
      answering(403, gzipSync(OVER), { ...JSON_TYPE, 'content-encoding': 'gzip' }),
    )
    const answer = await settled(undici.fetch(api.origin, { dispatcher }))
    expect(await answer.text()).toBe('at-f-1 ')
    api.refuses = () => true
    expect(await (await settled(undici.fetch(api.origin, { dispatcher }))).json()).toEqual(JSON.parse(OVER))
  })

  test.each(['inside', 'outside'])('undici’s responseError %s does not hide them', async (side) => {
    const { agent, api, clock, provider, session, settled } = await stage(
      answering(401, 'refused', { 'content-type': 'text/plain' }),
    )
    const [grant, errors] = [withGrant(session), interceptors.responseError()]
    const dispatcher = agent.compose(side === 'inside' ? [errors, grant] : [grant, errors])
    const { body } = await settled(request(api.origin, { dispatcher, method: 'POST', body: 'mine' }))
    expect(await body.text()).toBe('at-f-1 mine')
    expect(provider.redemptions).toBe(1)

    await clock.advance(OLD_MS)
    api.refuses = () => true
    api.refuse = answering(403, OVER)
    await expect(settled(request(api.origin, { dispatcher }))).rejects.toMatchObject({
      statusCode: 403,
      body: { error: { code: 'OVER' } },
    })
    expect(provider.redemptions).toBe(2)

    // Other errors, and those that a refresh cannot fix, are passed to the caller at once.
    await clock.advance(OLD_MS)
    api.refuse = answering(401, '', { 'www-authenticate': 'Bearer error="insufficient_scope"' })
    await expect(settled(request(api.origin, { dispatcher }))).rejects.toMatchObject({ statusCode: 401 })
    api.refuse = answering(500, 'broken', {})
    await expect(settled(request(api.origin, { dispatcher }))).rejects.toMatchObject({ statusCode: 500 })
    expect(provider.redemptions).toBe(2)
  })

  test('with undici’s responseError inside, a response to a stream is the caller’s error', async () => {
    const { agent, api, session, settled } = await stage(answering(401, 'refused', { 'content-type': 'text/plain' }))
    const dispatcher = agent.compose(interceptors.responseError(), withGrant(session))
    const sent = request(api.origin, { dispatcher, method: 'POST', body: Readable.from(['once']) })
    await expect(settled(sent)).rejects.toMatchObject({ statusCode: 401, body: 'refused' })
    expect((await settled(request(api.origin, { dispatcher }))).statusCode).toBe(200)
    expect(api.seen.map(({ token }) => token)).toEqual(['at-f-0', 'at-f-1'])
  })

  test('a rejection by another origin after a redirect does not concern the token', async () => {
    const { agent, api, provider, session, settled } = await stage(answering(401, ''))
    const other = await openApi()
    api.refuses = (token) => token === undefined
    api.answer = (_seen, response) => response.writeHead(302, { location: `${other.origin}/` }).end()
    other.answer = (_seen, response) => response.writeHead(302, { location: `${api.origin}/back` }).end()
    const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 3 }), withGrant(session))
    expect((await settled(request(api.origin, { dispatcher }))).statusCode).toBe(401)
    expect(provider.redemptions).toBe(0)
  })

  const CHANGES: [string, () => { options: Record<string, unknown>; change: () => void }][] = [
    ['the options object', () => { const options: Record<string, unknown> = { body: 'before', headers: { 'x-mine': 'before' } }; return { options, change: () => Object.assign(options, { body: 'after', method: 'DELETE', path: '/after', headers: { 'x-mine': 'after' } }) } }], // prettier-ignore
    ['headers in turn', () => { const headers = ['x-mine', 'before']; return { options: { body: 'before', headers }, change: () => headers.splice(1, 1, 'after') } }], // prettier-ignore
    ['an object of headers', () => { const headers = { 'x-mine': 'before' }; return { options: { body: 'before', headers }, change: () => void (headers['x-mine'] = 'after') } }], // prettier-ignore
    ['a list of values', () => { const values = ['before']; return { options: { body: 'before', headers: { 'x-mine': values } }, change: () => void (values[0] = 'after') } }], // prettier-ignore
    ['a Headers object', () => { const headers = new Headers({ 'x-mine': 'before' }); return { options: { body: 'before', headers }, change: () => headers.set('x-mine', 'after') } }], // prettier-ignore
    ['a body of bytes', () => { const body = Buffer.from('before'); return { options: { body, headers: { 'x-mine': 'before' } }, change: () => void body.write('after_') } }], // prettier-ignore
    ['a query', () => { const query = { a: ['before'] }; return { options: { body: 'before', headers: { 'x-mine': 'before' }, query }, change: () => void (query.a[0] = 'after') } }], // prettier-ignore
  ]

  test.each(CHANGES)(
    '%s that is changed after the call has no effect, with a fresh token and while a refresh runs',
    async (_what, make) => {
      for (const wait of [false, true]) {
        const { api, clock, dispatcher, settled } = await stage(answering(401, ''))
        if (wait) await clock.advance(4_000_000)
        const { options, change } = make()
        Object.assign(options, { origin: api.origin, path: '/before', method: 'POST' })
        const call = dispatcher.request(options as never)
        change()
        const { body } = await settled(call)
        expect(await body.text()).toBe('at-f-1 before')
        expect(api.seen).toHaveLength(wait ? 1 : 2)
        for (const seen of api.seen) {
          expect(seen.url).toMatch(/^\/before(\?a=before)?$/)
          expect(seen.headers['x-mine']).toBe('before')
          expect([seen.method, seen.body]).toEqual(['POST', 'before'])
        }
      }
    },
  )

  test('a URL object as origin that is changed after the call does not send the token elsewhere', async () => {
    const { api, clock, dispatcher, settled } = await stage(answering(401, ''))
    const other = await openApi()
    await clock.advance(4_000_000)
    const origin = new URL(api.origin)
    const call = dispatcher.request({ origin, path: '/', method: 'GET' })
    origin.port = new URL(other.origin).port
    expect((await settled(call)).statusCode).toBe(200)
    expect(api.seen).toHaveLength(1)
    expect(other.seen).toEqual([])
  })

  test('a header that becomes an Authorization header after the call is not sent', async () => {
    const { api, clock, dispatcher, settled } = await stage(answering(401, ''))
    await clock.advance(4_000_000)
    const headers = ['x-mine', 'Basic mine']
    const call = dispatcher.request({ origin: api.origin, path: '/', method: 'GET', headers })
    headers[0] = 'authorization'
    expect((await settled(call)).statusCode).toBe(200)
    expect(api.seen[0]!.headers.authorization).toBe('Bearer at-f-1')
  })

  test('an abort ends the wait for a client’s resolver', async () => {
    const { agent, api } = await stage(answering(401, ''))
    const grants = new Grants({ clients: () => new Promise<never>(() => {}) })
    const dispatcher = agent.compose(withGrant(grants.session('tenant', 'alice')))
    const controller = new AbortController()
    const reason = new Error('left')
    const call = request(api.origin, { dispatcher, signal: controller.signal })
    controller.abort(reason)
    await expect(call).rejects.toBe(reason)
    expect(api.seen).toEqual([])
  })

  test('the provider data of a resolved client is used', async () => {
    const { agent, api, client, clock, settled } = await stage(answering(403, OVER))
    const grants = closing(new Grants({ clients: async () => client, clock }))
    const expires = (clock.now() + 3_600_000) / 1000
    await grants.save('acme', 'f', { access_token: 'at-f-0', refresh_token: 'rt-f-0', expires_at: expires })
    await clock.advance(OLD_MS)
    const dispatcher = agent.compose(withGrant(grants.session('acme', 'f')))
    const { body } = await settled(request(api.origin, { dispatcher }))
    expect(await body.text()).toBe('at-f-1 ')
  })

  test('wrong headers are a ConfigError', async () => {
    const { api, dispatcher } = await stage(answering(401, ''))
    const headers = [Buffer.from('Authorization'), 'Basic mine']
    await expect(request(api.origin, { dispatcher, headers: headers as never })).rejects.toBeInstanceOf(ConfigError)
  })
})
