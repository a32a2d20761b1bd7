import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { paths } from './endpoints.ts'
import { answerOf, dropConnection, type AnswerContext } from './answer-context.ts'
import type { FormRequests } from './form-requests.ts'

interface TokenContext extends AnswerContext {
  readonly req: IncomingMessage
  readonly path: string
}

type Middleware = (ctx: TokenContext, next: () => Promise<unknown>) => Promise<void>

/**
 * Koa middleware that delays token requests.
 * @param closing aborted when the provider closes
 */
export function tokenLatency(latencyMs: number, closing: AbortSignal): Middleware {
  return async (ctx, next) => {
    if (latencyMs > 0 && ctx.path === paths.token) {
      try {
        await delay(latencyMs, undefined, { signal: closing })
      } catch {
        dropConnection(ctx)
        return
      }
    }
    await next()
  }
}

/** Koa middleware that removes an unchanged refresh token, which Google's responses do not repeat. */
export function omitKeptRefreshToken(requests: FormRequests): Middleware {
  return async (ctx, next) => {
    await next()
    const presented = ctx.path === paths.token ? requests.get(ctx.req)?.form.get('refresh_token') : undefined
    const { refresh_token: answered, ...rest } = answerOf(ctx) ?? {}
    if (typeof presented === 'string' && answered === presented) ctx.body = rest
  }
}
