/**
 * Resource requests over undici's own dispatchers, at the speed of its connections.
 *
 * ```ts
 * import { Agent, request } from 'undici'
 * const dispatcher = new Agent().compose(withGrant(session))
 * const { statusCode, body } = await request('https://api.acme.example/things', { dispatcher })
 * ```
 * @module
 */
export { withGrant } from './with-grant.ts'
export type { WithGrantOptions } from './with-grant.ts'
export type { Dispatcher, DispatchController, DispatchHandler, DispatchOptions, Interceptor } from './dispatcher.ts'
