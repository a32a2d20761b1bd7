import { Hono } from 'hono'
import { isEvergrantError } from 'evergrant'
import type { DemoParts } from '../demo-parts.ts'
import { messagePage } from '../pages/message-page.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import { problemOf } from '../web/problem-of.ts'
import { sendProblem } from '../web/problem.ts'
import { sameOriginOnly } from '../web/same-origin.ts'
import type { WebEnv } from '../web/web-session.ts'

/** `POST /logout` ends the web session and leaves the grant; `POST /disconnect` ends the grant too. */
export function leaveRoutes({ grants, publicUrl, sessions, upstream }: DemoParts): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const sameOrigin = sameOriginOnly(publicUrl)

  app.post('/logout', sameOrigin, (c) => {
    sessions.end(c)
    return c.html(
      messagePage({
        title: 'Logged out',
        text: [
          'This browser is logged out. Your access is still stored here, sealed, and goes on being renewable: log in again and it is back.',
        ],
        links: [{ href: '/', label: 'Log in' }],
      }),
    )
  })

  app.post('/disconnect', sameOrigin, async (c) => {
    const user = c.get('session')?.user
    if (user === undefined) return sendProblem(c, notConnected)
    try {
      await grants.disconnect(upstream.name, user.sub)
    } catch (error) {
      if (isEvergrantError(error)) return sendProblem(c, problemOf(error))
      throw error
    }
    sessions.end(c)
    return c.html(
      messagePage({
        title: 'Disconnected',
        text: [
          'The stored access was deleted here, and the provider is being told that it is over.',
          'To use this demo again you have to allow it again.',
        ],
        links: [{ href: '/', label: 'Connect again' }],
      }),
    )
  })

  return app
}
