import type { AnswerContext } from '../answer-context.ts'
import { dropConnection } from '../answer-context.ts'
import type { RefusalFault } from './fault.ts'

const proxyPage = '<!doctype html><title>Service unavailable</title><h1>Service unavailable</h1>'

/** Responds in place of the provider, which does not get the request. */
export function refuse(ctx: AnswerContext, fault: RefusalFault): void {
  switch (fault.kind) {
    case 'server_error':
      return sendHtml(ctx, fault.status ?? 503, fault.retryAfter)
    case 'rate_limited':
      return sendHtml(ctx, 429, fault.retryAfter ?? 1)
    case 'drop_before':
      return dropConnection(ctx)
    case 'error_200':
      return sendError(ctx, 200, fault.error ?? 'invalid_grant', fault.description)
    case 'empty_400':
      ctx.status = 400
      ctx.body = ''
      return
    case 'invalid_grant':
      return sendError(ctx, 400, 'invalid_grant', fault.description)
    case 'invalid_client':
      ctx.set('www-authenticate', 'Basic realm="development provider", error="invalid_client"')
      return sendError(ctx, 401, 'invalid_client', 'client authentication failed')
    case 'oauth_error':
      return sendError(ctx, fault.status ?? 400, fault.error, fault.description)
    case 'unauthorized':
      ctx.set('www-authenticate', 'Bearer realm="development provider", error="invalid_token"')
      return sendError(ctx, 401, 'invalid_token', 'invalid token provided')
  }
}

function sendHtml(ctx: AnswerContext, status: number, retryAfter: number | string | undefined): void {
  if (retryAfter !== undefined) ctx.set('retry-after', String(retryAfter))
  ctx.status = status
  ctx.type = 'html'
  ctx.body = proxyPage
}

function sendError(ctx: AnswerContext, status: number, error: string, description?: string): void {
  ctx.set('cache-control', 'no-store')
  ctx.status = status
  ctx.body = { error, ...(description === undefined ? {} : { error_description: description }) }
}
