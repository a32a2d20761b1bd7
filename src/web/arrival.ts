import type { UnfinishedLogin } from './login-content.ts'
import { allowedScope, type StartParams } from './start-params.ts'
import type { NamedClient, Web } from './web.ts'

/** An unfinished login and its callback. */
export interface Arrival {
  readonly client: NamedClient
  readonly login: UnfinishedLogin
  readonly params: URLSearchParams
}

/** Begins the same login again. */
export function againOf(web: Web, { client, login }: Pick<Arrival, 'client' | 'login'>): StartParams {
  const { account, origin, popup, returnTo, scope } = login
  const allowed = allowedScope(web, client)
  const more = scope?.filter((value) => allowed.has(value))
  return { account: account || undefined, origin, popup, returnTo, scope: more?.length === 0 ? undefined : more }
}
