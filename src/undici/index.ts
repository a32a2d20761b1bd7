/**
 * The library over undici's dispatchers: refreshes and resource requests at the speed of its connections.
 *
 * ```ts
 * import { Agent, request } from 'undici'
 * const agent = new Agent()
 * const acme = new OAuth2Client({ provider, clientId, clientSecret, transport: undiciTransport(agent) })
 * const dispatcher = agent.compose(withGrant(session))
 * const { statusCode, body } = await request('https://api.acme.example/things', { dispatcher })
 * ```
 * @module
 */
export { undiciTransport } from './undici-transport.ts'
export { withGrant } from './with-grant.ts'
export type { WithGrantOptions } from './with-grant.ts'
export type { Dispatcher, DispatchController, DispatchHandler, DispatchOptions, Interceptor } from './dispatcher.ts'
