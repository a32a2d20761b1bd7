/**
 * Logins for web applications ("Connect Google"): one handler with all routes, for every framework.
 *
 * ```ts
 * import { connectHandler, toNodeHandler } from 'evergrant/web'
 *
 * const connect = toNodeHandler(connectHandler(grants, { subject: (_, { req }) => req.session.user, logIn: '/login' }))
 * app.use(connect) // <a href="/connect/google">Connect Google</a>
 * const session = await connect.session(req, res, 'google')
 * ```
 * @module
 */
export type { Identity } from '../refresh/identity.ts'
export type { Connection } from './connections.ts'
export { toFastifyPlugin } from './fastify-plugin.ts'
export type {
  FastifyContext,
  FastifyIncoming,
  FastifyInstanceLike,
  FastifyOutgoing,
  FastifyPlugin,
} from './fastify-plugin.ts'
export { connectHandler } from './handler.ts'
export type { Connect, ConnectLinkOptions, ConnectSessionOptions } from './handler.ts'
export { toNodeHandler } from './node-handler.ts'
export type { NodeContext, NodeHandler, NodeNext, NodeOutgoing, NodeSessionOptions } from './node-handler.ts'
export type { NodeIncoming } from './node-request.ts'
export type { ByClient, ConnectedLogin, ConnectHandlerOptions, SignInRequest } from './options.ts'
export type { PageAction, PageCode, PageContent, PageRow } from './pages/content.ts'
export type { PageText } from './pages/sentences.ts'
export type { PageTexts, Texts } from './pages/texts.ts'
export type { SessionOrResponse } from './session.ts'
