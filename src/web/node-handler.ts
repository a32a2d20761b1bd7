import type { OAuth2Session } from '../session.ts'
import type { Connect, ConnectSessionOptions } from './handler.ts'
import { pageRequest, requestOf, urlOf, type NodeIncoming } from './node-request.ts'

/** The parts of Node's response that are used. */
export interface NodeOutgoing {
  statusCode: number
  readonly headersSent: boolean
  getHeader(name: string): number | string | readonly string[] | undefined
  setHeader(name: string, value: string | readonly string[]): unknown
  end(body?: string | Uint8Array): unknown
}

/** What the application's functions receive: the request and the response of the framework. */
export interface NodeContext<Req = NodeIncoming, Res = NodeOutgoing> {
  readonly req: Req
  readonly res: Res
}

/** Options of `session()`. */
export type NodeSessionOptions = Omit<ConnectSessionOptions<never>, 'context'>

/** Continues with the next handler, or with an error. */
export type NodeNext = (error?: unknown) => unknown

/** Handles the routes in Express, Connect and `node:http`. Everything else goes to `next`. */
export interface NodeHandler<Req extends NodeIncoming = NodeIncoming, Res extends NodeOutgoing = NodeOutgoing> {
  (req: Req, res: Res, next?: NodeNext): Promise<void>
  /** Returns the session of the user who is logged in. Undefined: the response was sent. */
  session(req: Req, res: Res, client: string, options?: NodeSessionOptions): Promise<OAuth2Session | undefined>
  /** Handles the errors of grants that ended, as an error handler of Express. Others go to `next`. */
  recover(error: unknown, req: Req, res: Res, next: NodeNext): Promise<void>
  /** The handler of the web's requests. */
  readonly connect: Connect<NodeContext<Req, Res>>
}

/** Makes a handler for Express, Connect and `node:http` of `connectHandler()`. Bodies may be parsed before it. */
export function toNodeHandler(connect: Connect<NodeContext>): NodeHandler
export function toNodeHandler<Req extends NodeIncoming, Res extends NodeOutgoing>(
  connect: Connect<NodeContext<Req, Res>>,
): NodeHandler<Req, Res>
export function toNodeHandler<Req extends NodeIncoming, Res extends NodeOutgoing>(
  connect: Connect<NodeContext<Req, Res>>,
): NodeHandler<Req, Res> {
  const handler = async (req: Req, res: Res, next?: NodeNext): Promise<void> => {
    // A `Request` for each request of the application would cost more than the check.
    if (!connect.matches({ url: urlOf(req).href } as Request)) return next === undefined ? notFound(res) : void next()
    try {
      await send(await connect(requestOf(req), { req, res }), res)
    } catch (error) {
      fail(error, res, next)
    }
  }
  return Object.assign(handler, {
    connect,
    session: async (req: Req, res: Res, client: string, options: NodeSessionOptions = {}) => {
      const { response, session } = await connect.session(pageRequest(req), client, {
        ...options,
        context: { req, res },
      })
      if (response !== undefined) await send(response, res)
      return session
    },
    // Express knows an error handler by its four parameters.
    recover: async (error: unknown, req: Req, res: Res, next: NodeNext): Promise<void> => {
      try {
        const options = { context: { req, res } }
        const response = res.headersSent ? undefined : await connect.recover(error, pageRequest(req), options)
        if (response === undefined) next(error)
        else await send(response, res)
      } catch (other) {
        next(other)
      }
    },
  })
}

/** Sends a response. Cookies that the framework set before stay. */
export async function send(response: Response, res: NodeOutgoing): Promise<void> {
  res.statusCode = response.status
  for (const [name, value] of response.headers) if (name !== 'set-cookie') res.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) res.setHeader('set-cookie', [...cookiesOf(res), ...cookies])
  res.end(new Uint8Array(await response.arrayBuffer()))
}

function cookiesOf(res: NodeOutgoing): readonly string[] {
  const before = res.getHeader('set-cookie')
  if (before === undefined) return []
  return typeof before === 'object' ? before : [String(before)]
}

function notFound(res: NodeOutgoing): void {
  res.statusCode = 404
  res.end()
}

/** A `next` without a parameter would go on as if nothing failed. The handler logged the error. */
function fail(error: unknown, res: NodeOutgoing, next: NodeNext | undefined): void {
  if (next !== undefined && next.length > 0) return void next(error)
  if (!res.headersSent) res.statusCode = 500
  res.end()
}
