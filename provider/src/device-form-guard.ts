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
 * Koa middleware that redirects a device form without a session to the empty form. oidc-provider would fail with an
 * internal error, because it saves the result in a session that does not exist.
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
