import { paths } from './endpoints.ts'
import { homePage } from './pages/home-page.ts'
import { sendPage, type PageContext } from './pages/send-page.ts'
import { styleSheet } from './pages/style-sheet.ts'
import type { UserDirectory } from './users.ts'

interface SiteContext extends PageContext {
  readonly method: string
  readonly path: string
}

/** Koa middleware with the headers of every response, the style sheet and the page at the root. */
export function siteMiddleware({
  issuer,
  clientId,
  users,
}: {
  readonly issuer: string
  readonly clientId: string
  readonly users: UserDirectory
}): (ctx: SiteContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    ctx.set('x-content-type-options', 'nosniff')
    ctx.set('referrer-policy', 'same-origin')
    // oidc-provider adds the hash of its one script, which posts a form on.
    ctx.set('content-security-policy', "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'")
    if (ctx.method === 'GET' && ctx.path === paths.styleSheet) {
      ctx.set('cache-control', 'no-cache')
      ctx.type = 'css'
      ctx.body = styleSheet
    } else if (ctx.method === 'GET' && ctx.path === '/') {
      sendPage(ctx, homePage({ issuer, clientId, users: users.users }))
    } else await next()
  }
}
