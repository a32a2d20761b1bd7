import { createServer, type IncomingMessage, request as sendRequest, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { GrantNotFoundError } from '../../src/model/errors.ts'
import { connectHandler, toNodeHandler, type NodeContext, type NodeHandler } from '../../src/web/index.ts'
import { userOf, world, type World, type WorldOptions } from './setup.ts'
import { cookiesOf, FORM, NAVIGATION, send } from './http.ts'

type Context = NodeContext<IncomingMessage & { body?: unknown }, ServerResponse>
type Handler = NodeHandler<Context['req'], ServerResponse>

const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

/** An application of `node:http`, which browsers know as `https://app.example`. */
async function application(
  listen: (connect: Handler) => (req: Context['req'], res: ServerResponse) => unknown,
  options: WorldOptions = {},
  more: object = {},
): Promise<World & { url: string; connect: Handler }> {
  const all = world(options)
  const connect = toNodeHandler(
    connectHandler(all.grants, {
      subject: (request, { req }: Context) => userOf(request) ?? (req.headers['x-user'] as string | undefined),
      ...more,
    }),
  )
  const handle = listen(connect)
  const server = createServer((req, res) => void handle(req, res)).listen(0, '127.0.0.1')
  closing.push(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return { ...all, connect, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('a login and a page, over node:http', async () => {
  const { provider, url } = await application(
    (connect) => (req, res) =>
      connect(req, res, async () => {
        const session = await connect.session(req, res, 'acme')
        if (session !== undefined) res.end(await session.accessToken())
      }),
  )
  const user = { cookie: 'user=alice' }
  const page = await send(`${url}/reports?year=2026`, user)
  expect([page.status, page.headers.location]).toEqual([303, '/connect/acme?return_to=%2Freports%3Fyear%3D2026'])
  const start = await send(url + page.headers.location!, user)
  const callback = new URL(provider.login(start.headers.location!))
  const cookie = `user=alice; ${cookiesOf(start)}`
  const done = await send(url + callback.pathname + callback.search, { cookie })
  expect([done.status, done.headers.location]).toEqual([303, '/reports?year=2026'])
  const again = await send(`${url}/reports?year=2026`, user)
  expect([again.status, again.text.length > 10]).toEqual([200, true])
})

test.each([
  ['unread', async () => undefined],
  ['unread, with an empty body set by a parser', async (req: Context['req']) => void (req.body = {})],
  [
    'parsed as an object',
    async (req: Context['req']) => void (req.body = Object.fromEntries(new URLSearchParams(await textOf(req)))),
  ],
  ['parsed as a text', async (req: Context['req']) => void (req.body = await textOf(req))],
  ['parsed as bytes', async (req: Context['req']) => void (req.body = Buffer.from(await textOf(req)))],
])('a form_post callback whose body is %s', async (_, parse) => {
  const { provider, url } = await application((connect) => async (req, res) => {
    await parse(req)
    await connect(req, res)
  })
  const start = await send(`${url}/connect/acme?return_to=/next`, { cookie: 'user=alice' })
  const callback = new URL(provider.login(start.headers.location!))
  const cookie = `user=alice; ${cookiesOf(start)}`
  const done = await send(url + callback.pathname, { ...FORM, cookie }, 'POST', callback.search.slice(1))
  expect([done.status, done.headers.location]).toEqual([303, '/next'])
})

async function textOf(req: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of req) text += String(chunk)
  return text
}

test('a body that does not end in 64 KB is not read to its end', async () => {
  const { url } = await application((connect) => (req, res) => connect(req, res))
  const done = await send(`${url}/connect/acme/callback`, FORM, 'POST', `state=${'x'.repeat(1_000_000)}`)
  expect(done.status).toBe(400)
})

test('cookies that the framework set stay, and several are sent', async () => {
  const { url } = await application((connect) => (req, res) => {
    res.setHeader('set-cookie', 'sid=1; Path=/')
    return connect(req, res)
  })
  const start = await send(`${url}/connect/acme`, { 'x-user': 'alice' })
  expect(start.headers['set-cookie']).toEqual(['sid=1; Path=/', expect.stringContaining('evergrant')])
})

test('everything else is left to the application, or not found', async () => {
  const { url } = await application(
    (connect) => (req, res) =>
      req.url === '/next' ? connect(req, res, () => res.end('application')) : connect(req, res),
  )
  expect((await send(`${url}/next`)).text).toBe('application')
  expect((await send(`${url}/other`)).status).toBe(404)
})

test('the URL before a router removed its own path counts', async () => {
  const { url } = await application((connect) => (req, res) => {
    const original = Object.assign(req, { originalUrl: req.url, url: '/' })
    return connect(original, res)
  })
  expect((await send(`${url}/connect/connect.js`)).headers['content-type']).toContain('javascript')
})

test.each(['TRACE', 'HEAD', 'DELETE'])('%s is not allowed', async (method) => {
  const { url } = await application((connect) => (req, res) => connect(req, res))
  expect((await send(`${url}/connect/acme`, {}, method)).status).toBe(405)
})

test.each([
  [
    'takes an error',
    (res: ServerResponse) => (error?: unknown) => res.writeHead(418).end((error as Error).message),
    [418, 'no database'],
  ],
  ['takes none', (res: ServerResponse) => () => res.end('went on'), [500, '']],
])('an error of the application goes to a next() that %s', async (_, next, expected) => {
  const subject = () => {
    throw new Error('no database')
  }
  const { url } = await application((connect) => (req, res) => connect(req, res, next(res)), {}, { subject })
  const answer = await send(`${url}/connect/acme`)
  expect([answer.status, answer.text]).toEqual(expected)
})

test('recover() handles grants that ended, as an error handler with four parameters', async () => {
  const { connect, url } = await application((connect) => (req, res) => {
    const error =
      req.url === '/ended'
        ? new GrantNotFoundError({ client: 'acme', subject: 'alice', account: '' })
        : new Error('other')
    return connect.recover(error, req, res, (other) => res.writeHead(500).end((other as Error).message))
  })
  expect(connect.recover).toHaveLength(4)
  const ended = await send(`${url}/ended`, { cookie: 'user=alice' })
  expect([ended.status, ended.headers.location]).toEqual([303, '/connect/acme?return_to=%2Fended'])
  expect(await send(`${url}/other`)).toMatchObject({ status: 500, text: 'other' })
})

test('a hostile host or path breaks nothing', async () => {
  const { url } = await application((connect) => (req, res) => connect(req, res))
  expect((await send(`${url}/connect`, { host: 'a b' })).status).toBe(401)
  const { hostname, port } = new URL(url)
  const status = await new Promise((resolve) => {
    sendRequest({ hostname, port, path: '//evil.example/connect', headers: NAVIGATION }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).end()
  })
  expect(status).toBe(404)
})
