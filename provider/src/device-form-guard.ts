import type Provider from 'oidc-provider'
import { paths } from './endpoints.ts'

interface GuardedContext {
  readonly method: string
  readonly path: string
  readonly cookies: { get(name: string, options: { signed: boolean }): string | undefined }
  status: number
  redirect(url: string): void
}

/**
 * Koa middleware that sends a device form without a session back to the empty form: oidc-provider fails with an
 * internal error there, because it wants to keep its answer in a session that was never saved.
 */
export function deviceFormGuard(
  provider: Provider,
): (ctx: GuardedContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    const isForm = ctx.method === 'POST' && ctx.path === paths.deviceVerification
    if (isForm && ctx.cookies.get(provider.cookieName('session'), { signed: true }) === undefined) {
      ctx.status = 303
      ctx.redirect(paths.deviceVerification)
      return
    }
    await next()
  }
}
