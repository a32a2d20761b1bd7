import type * as oauth from 'oauth4webapi'
import { lazy } from '../util/lazy.ts'
import type { ClientContext } from './context.ts'

/** The protocol library, for what it judges: ID tokens, user info and introspection answers. A refresh without an ID token never needs it. */
export const loadOauth4webapi: () => typeof oauth | Promise<typeof oauth> = lazy(() => import('oauth4webapi'))

/** The client as oauth4webapi knows it; its own clock is set to the client's clock. */
export function oauthClient({ clockSkew, clockTolerance }: typeof oauth, context: ClientContext): oauth.Client {
  return {
    client_id: context.clientId,
    [clockSkew]: Math.floor(context.clock.now() / 1000) - Math.floor(Date.now() / 1000),
    [clockTolerance]: Math.floor(context.clockToleranceMs / 1000),
  }
}
