import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { paths } from './endpoints.ts'
import type { FormRequests } from './form-requests.ts'
import type { StatsCounter } from './stats.ts'

interface TokenContext {
  readonly req: IncomingMessage
  readonly method: string
  readonly path: string
  status: number
  body: unknown
}

/** What the token endpoint works with. */
export interface TokenEndpointParts {
  readonly requests: FormRequests
  readonly stats: StatsCounter
  readonly latencyMs: number
  readonly rotate: boolean
}

/** Koa middleware around oidc-provider's token endpoint: counts, latency, and Google's answer to a refresh. */
export function tokenEndpoint({
  requests,
  stats,
  latencyMs,
  rotate,
}: TokenEndpointParts): (ctx: TokenContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    const request = ctx.method === 'POST' && ctx.path === paths.token ? requests.get(ctx.req) : undefined
    if (!request) {
      await next()
      return
    }
    const grantType = request.form.get('grant_type') ?? ''
    stats.countTokenRequest(grantType, request.clientId)
    if (latencyMs > 0) await delay(latencyMs)
    await next()
    if (!rotate && grantType === 'refresh_token') omitRefreshToken(ctx)
  }
}

/** oidc-provider repeats a refresh token that stays; Google does not. */
function omitRefreshToken(ctx: TokenContext): void {
  if (ctx.status !== 200 || typeof ctx.body !== 'object' || ctx.body === null) return
  const { refresh_token: _kept, ...rest } = ctx.body as Record<string, unknown>
  ctx.body = rest
}
