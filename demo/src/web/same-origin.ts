import type { MiddlewareHandler } from 'hono'
import { messagePage } from '../pages/message-page.ts'
import { sendProblem } from './problem.ts'

/**
 * Refuses requests that another site has started: a link or a picture elsewhere must not refresh a token or end a
 * session. Programs without `Sec-Fetch-Site` have no cookies of a visitor, unless it is an old browser: those send an
 * `Origin` with forms.
 */
export function sameOriginOnly(publicUrl: URL): MiddlewareHandler {
  return (c, next) => {
    const site = c.req.header('sec-fetch-site')
    const origin = c.req.header('origin')
    const refused =
      site === undefined
        ? origin !== undefined && origin !== publicUrl.origin
        : site !== 'same-origin' && site !== 'none'
    if (!refused) {
      return next()
    }
    return sendProblem(c, {
      status: 403,
      code: 'cross_site',
      message: 'Another site started this request, so nothing was done.',
      page: messagePage({
        title: 'This came from another site',
        text: ['A page elsewhere tried to do this in your name. Nothing was done.'],
        links: [{ href: '/menu', label: 'Go to the menu' }],
      }),
    })
  }
}
