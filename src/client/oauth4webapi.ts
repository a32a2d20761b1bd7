import type * as oauth from 'oauth4webapi'
import { lazy } from '../util/lazy.ts'
import type { ClientContext } from './context.ts'

/**
 * Loads the protocol library, which judges ID tokens, user info and introspection responses. A refresh without an ID
 * token never needs it.
 */
export const loadOauth4webapi: () => typeof oauth | Promise<typeof oauth> = lazy(() => import('oauth4webapi'))

/** Returns the client as oauth4webapi represents it. Its clock is set to the client's clock. */
export function oauthClient({ clockSkew, clockTolerance }: typeof oauth, context: ClientContext): oauth.Client {
  return {
    client_id: context.clientId,
    [clockSkew]: Math.floor(context.clock.now() / 1000) - Math.floor(Date.now() / 1000),
    [clockTolerance]: Math.floor(context.clockToleranceMs / 1000),
  }
}
