import { renderPage, type Page } from './page.ts'

/** The part of a Koa context that a page needs. */
export interface PageContext {
  set(field: string, value: string): void
  type: string
  body: unknown
}

/**
 * Responds with a page whose policy permits only the style sheet.
 * @param formTargets redirect targets of a form in addition to this server, because browsers check the whole chain
 */
export function sendPage(ctx: PageContext, page: Page, formTargets: readonly string[] = []): void {
  ctx.set('content-security-policy', contentSecurityPolicy(formTargets))
  ctx.type = 'html'
  ctx.body = renderPage(page)
}

function contentSecurityPolicy(formTargets: readonly string[]): string {
  return [
    "default-src 'none'",
    "style-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "frame-ancestors 'none'",
    ['form-action', "'self'", ...formTargets].join(' '),
  ].join('; ')
}

/** How a redirect URI is named in `form-action`. */
export function formTarget(redirectUri: string): string | undefined {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  if (!url) return undefined
  // A host source cannot name an IPv6 address or a URI scheme of a native application.
  const nameable = (url.protocol === 'http:' || url.protocol === 'https:') && !url.hostname.startsWith('[')
  return nameable ? url.origin : url.protocol
}
