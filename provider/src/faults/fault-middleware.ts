import { paths } from '../endpoints.ts'
import type { FormRequests } from '../form-requests.ts'
import type { StatsCounter } from '../stats.ts'
import type { AnswerContext } from '../answer-context.ts'
import type { FaultTarget } from './fault.ts'
import type { FaultQueue } from './fault-queue.ts'
import { serveFault, type FaultParts } from './serve-fault.ts'

interface FaultContext extends AnswerContext {
  readonly method: string
  readonly path: string
}

/** What the fault middleware works with. */
export interface FaultMiddlewareParts extends FaultParts {
  readonly requests: FormRequests
  readonly faults: FaultQueue
  readonly stats: StatsCounter
}

const targetOfPath: Readonly<Record<string, FaultTarget>> = {
  [paths.userInfo]: 'userinfo',
  [paths.tokenInfo]: 'tokeninfo',
  [paths.revocation]: 'revocation',
  [paths.introspection]: 'introspection',
  [paths.jwks]: 'jwks',
  '/.well-known/openid-configuration': 'discovery',
  '/.well-known/oauth-authorization-server': 'discovery',
}

/** Koa middleware that applies the ordered faults. */
export function faultMiddleware(
  parts: FaultMiddlewareParts,
): (ctx: FaultContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    const request = parts.requests.get(ctx.req)
    const targets = targetsOf(ctx, request?.form.get('grant_type'))
    const fault = targets.length > 0 ? parts.faults.take(targets, request?.clientId) : undefined
    if (!fault) {
      await next()
      return
    }
    parts.stats.count('faults', request?.clientId)
    const process = async (): Promise<void> => {
      await next()
    }
    await serveFault(ctx, process, fault, parts)
  }
}

function targetsOf(ctx: FaultContext, grantType: string | null | undefined): FaultTarget[] {
  if (ctx.path !== paths.token) {
    const target = targetOfPath[ctx.path]
    return target === undefined ? [] : [target]
  }
  if (ctx.method !== 'POST') return []
  const target = targetOfGrantType(grantType ?? '')
  return target === undefined ? ['token'] : ['token', target]
}

function targetOfGrantType(grantType: string): FaultTarget | undefined {
  const short = grantType.slice(grantType.lastIndexOf(':') + 1)
  if (short === 'refresh_token') return 'refresh'
  if (short === 'authorization_code' || short === 'client_credentials' || short === 'device_code') return short
  return undefined
}
