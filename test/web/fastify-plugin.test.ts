import { expect, test } from 'vitest'
import { GrantNotFoundError } from '../../src/model/errors.ts'
import {
  connectHandler,
  toFastifyPlugin,
  type FastifyContext,
  type FastifyIncoming,
  type FastifyPlugin,
} from '../../src/web/index.ts'
import { userOf, world } from './setup.ts'

class Reply {
  status = 200
  body: unknown
  readonly headers: [string, unknown][] = []
  code(status: number): this {
    this.status = status
    return this
  }
  header(name: string, value: unknown): this {
    this.headers.push([name, value])
    return this
  }
  send(body?: unknown): this {
    this.body = body
    return this
  }
  get location(): unknown {
    return this.headers.find(([name]) => name === 'location')?.[1]
  }
}

type Plugin = FastifyPlugin<FastifyIncoming, Reply>
type Handle = (request: FastifyIncoming, reply: Reply) => Promise<unknown>

/** The calls that a plugin makes of its instance. */
async function registered(plugin: Plugin, has = false) {
  const routes = new Map<string, Handle>()
  const parsers: string[] = []
  await plugin({
    hasContentTypeParser: () => has,
    removeContentTypeParser: (type) => parsers.push(`-${type}`),
    addContentTypeParser: (type, _options, parse) => {
      parsers.push(`+${type}`)
      parse({} as FastifyIncoming, 'a=b', (_error, body) => expect(body).toBe('a=b'))
    },
    all: (path, handler) => routes.set(path, handler),
  })
  return { routes, parsers }
}

function request(
  url: string,
  init: { method?: string; body?: string; headers?: Record<string, string> } = {},
): FastifyIncoming {
  const { body, headers = {}, method = 'GET' } = init
  const all = {
    accept: 'text/html',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': 'same-origin',
    cookie: 'user=alice',
    ...headers,
  }
  const raw = { method, headers: all, url: '/', [Symbol.asyncIterator]: () => expect.unreachable() }
  return { raw, originalUrl: url, body }
}

function application(redirectUri = 'https://app.example/connect/acme/callback') {
  const all = world({ client: { redirectUri } })
  const subject = (web: Request, _context: FastifyContext<FastifyIncoming, Reply>): string | undefined => userOf(web)
  const plugin: Plugin = toFastifyPlugin(connectHandler(all.grants, { subject, publicUrl: 'https://app.example' }))
  return { ...all, plugin }
}

test('the plugin has the routes, and a parser of its own for forms', async () => {
  const { plugin } = application('https://app.example/auth')
  const { parsers, routes } = await registered(plugin)
  expect([...routes.keys()]).toEqual(['/connect', '/connect/*', '/auth'])
  expect(parsers).toEqual(['+application/x-www-form-urlencoded'])
  const type = 'application/x-www-form-urlencoded'
  expect((await registered(plugin, true)).parsers).toEqual([`-${type}`, `+${type}`])
})

test('a login by form_post', async () => {
  const { plugin, provider } = application()
  const { routes } = await registered(plugin)
  const handle = routes.get('/connect/*')!
  const start = new Reply()
  expect(await handle(request('/connect/acme?return_to=/next'), start)).toBe(start)
  const callback = new URL(provider.login(String(start.location)))
  const [, cookie] = start.headers.find(([name]) => name === 'set-cookie')!
  const headers = {
    cookie: `user=alice; ${String(cookie).split(';')[0]}`,
    'content-type': 'application/x-www-form-urlencoded',
  }
  const done = new Reply()
  await handle(request(callback.pathname, { method: 'POST', headers, body: callback.search.slice(1) }), done)
  expect([done.status, done.location]).toEqual([303, '/next'])
})

test('session() returns the session, or replies', async () => {
  const { grants, plugin } = application()
  const reply = new Reply()
  expect(await plugin.session(request('/reports?a=b'), reply, 'acme')).toBeUndefined()
  expect([reply.status, reply.location]).toEqual([303, '/connect/acme?return_to=%2Freports%3Fa%3Db'])
  await grants.save('acme', 'alice', { access_token: 'at' })
  expect(await (await plugin.session(request('/reports'), reply, 'acme'))?.accessToken()).toBe('at')
})

test('recover() replies to grants that ended, and throws everything else again', async () => {
  const { plugin } = application()
  const reply = new Reply()
  const ended = new GrantNotFoundError({ client: 'acme', subject: 'alice', account: '' })
  expect(await plugin.recover(ended, request('/reports'), reply)).toBe(reply)
  expect(reply.location).toBe('/connect/acme?return_to=%2Freports')
  await expect(plugin.recover(new Error('other'), request('/'), reply)).rejects.toThrow('other')
})
