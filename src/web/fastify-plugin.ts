import type { OAuth2Session } from '../session.ts'
import type { Connect } from './handler.ts'
import { MAX_BODY_BYTES } from './form.ts'
import type { NodeSessionOptions } from './node-handler.ts'
import { pageRequest, requestOf, type NodeIncoming } from './node-request.ts'

/** The parts of Fastify's request that are used. */
export interface FastifyIncoming {
  readonly raw: NodeIncoming
  readonly originalUrl: string
  readonly body?: unknown
}

/** The parts of Fastify's reply that are used. */
export interface FastifyOutgoing {
  code(status: number): unknown
  header(name: string, value: string | readonly string[]): unknown
  send(body?: string | Uint8Array): unknown
}

/** What the application's functions receive: the request and the reply of Fastify. */
export interface FastifyContext<Req = FastifyIncoming, Reply = FastifyOutgoing> {
  readonly request: Req
  readonly reply: Reply
}

/** The parts of a Fastify instance that are used. */
export interface FastifyInstanceLike<Req, Reply> {
  hasContentTypeParser(type: string): boolean
  removeContentTypeParser(type: string): unknown
  addContentTypeParser(
    type: string,
    options: { parseAs: 'string'; bodyLimit: number },
    parse: (request: Req, body: string, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown
  all(path: string, handler: (request: Req, reply: Reply) => Promise<unknown>): unknown
}

/** A plugin of Fastify with the routes. */
export interface FastifyPlugin<
  Req extends FastifyIncoming = FastifyIncoming,
  Reply extends FastifyOutgoing = FastifyOutgoing,
> {
  (instance: FastifyInstanceLike<Req, Reply>): Promise<void>
  /** Returns the session of the user who is logged in. Undefined: the reply was sent. */
  session(request: Req, reply: Reply, client: string, options?: NodeSessionOptions): Promise<OAuth2Session | undefined>
  /** Handles the errors of grants that ended, for `setErrorHandler()`. It throws others again. */
  recover(error: unknown, request: Req, reply: Reply): Promise<Reply>
  /** The handler of the web's requests. */
  readonly connect: Connect<FastifyContext<Req, Reply>>
}

const FORM = 'application/x-www-form-urlencoded'

/** Makes a plugin of Fastify of `connectHandler()`. It reads posted forms itself, in its own routes only. */
export function toFastifyPlugin(connect: Connect<FastifyContext>): FastifyPlugin
export function toFastifyPlugin<Req extends FastifyIncoming, Reply extends FastifyOutgoing>(
  connect: Connect<FastifyContext<Req, Reply>>,
): FastifyPlugin<Req, Reply>
export function toFastifyPlugin<Req extends FastifyIncoming, Reply extends FastifyOutgoing>(
  connect: Connect<FastifyContext<Req, Reply>>,
): FastifyPlugin<Req, Reply> {
  const handle = async (request: Req, reply: Reply): Promise<Reply> =>
    send(await connect(requestOf(incomingOf(request)), { request, reply }), reply)
  const plugin = async (instance: FastifyInstanceLike<Req, Reply>): Promise<void> => {
    if (instance.hasContentTypeParser(FORM)) instance.removeContentTypeParser(FORM)
    const options = { parseAs: 'string', bodyLimit: MAX_BODY_BYTES + 1 } as const
    instance.addContentTypeParser(FORM, options, (_request, body, done) => done(null, body))
    for (const path of connect.paths) {
      instance.all(path, handle)
      if (path.endsWith(connect.base)) instance.all(`${path}/*`, handle)
    }
  }
  return Object.assign(plugin, {
    connect,
    session: async (request: Req, reply: Reply, client: string, options: NodeSessionOptions = {}) => {
      const context = { request, reply }
      const { response, session } = await connect.session(pageRequest(incomingOf(request)), client, {
        ...options,
        context,
      })
      if (response !== undefined) await send(response, reply)
      return session
    },
    recover: async (error: unknown, request: Req, reply: Reply): Promise<Reply> => {
      const context = { request, reply }
      const response = await connect.recover(error, pageRequest(incomingOf(request)), { context })
      if (response === undefined) throw error
      return send(response, reply)
    },
  })
}

/** Fastify read the body: the plugin's own parser left it a text. */
function incomingOf({ body, originalUrl, raw }: FastifyIncoming): NodeIncoming {
  const { headers, method, socket } = raw
  return { headers, method, socket, originalUrl, body, readableDidRead: true, [Symbol.asyncIterator]: nothing }
}

async function* nothing(): AsyncGenerator<never> {}

async function send<Reply extends FastifyOutgoing>(response: Response, reply: Reply): Promise<Reply> {
  reply.code(response.status)
  for (const [name, value] of response.headers) if (name !== 'set-cookie') reply.header(name, value)
  for (const cookie of response.headers.getSetCookie()) reply.header('set-cookie', cookie)
  const body = new Uint8Array(await response.arrayBuffer())
  reply.send(body.byteLength === 0 ? '' : body)
  return reply
}
