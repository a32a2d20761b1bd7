import type { IncomingMessage } from 'node:http'
import { paths } from './endpoints.ts'
import type { FormRequests } from './form-requests.ts'
import type { StatName, StatsCounter } from './stats.ts'

interface CountedContext {
  readonly req: IncomingMessage
  readonly method: string
  readonly path: string
}

const statOfPath: Readonly<Record<string, StatName>> = {
  [paths.revocation]: 'revokeRequests',
  [paths.introspection]: 'introspectionRequests',
  [paths.userInfo]: 'userInfoRequests',
  [paths.tokenInfo]: 'tokenInfoRequests',
}

/** Koa middleware that counts what arrives, whatever becomes of it. */
export function countRequests(
  requests: FormRequests,
  stats: StatsCounter,
): (ctx: CountedContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    const request = requests.get(ctx.req)
    const stat = statOfPath[ctx.path]
    if (ctx.path === paths.token && ctx.method === 'POST') {
      stats.countTokenRequest(request?.form.get('grant_type') ?? '', request?.clientId)
    } else if (stat) stats.count(stat, request?.clientId)
    await next()
  }
}
