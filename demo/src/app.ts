import { Hono } from 'hono'
import type { DemoParts } from './demo-parts.ts'
import { messagePage } from './pages/message-page.ts'
import { actionRoutes } from './routes/actions.ts'
import { assetRoutes } from './routes/assets.ts'
import { experimentRoutes } from './routes/experiments.ts'
import { leaveRoutes } from './routes/leave.ts'
import { liveRoute } from './routes/live.ts'
import { loginRoutes } from './routes/log-in.ts'
import { menuRoute } from './routes/menu.ts'
import { sendProblem } from './web/problem.ts'
import { securityHeaders } from './web/security-headers.ts'
import type { WebEnv } from './web/web-session.ts'

/** The web application: takes requests, answers with responses, needs no socket. */
export function createApp(parts: DemoParts): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.use(securityHeaders())
  app.route('/', assetRoutes())
  app.use(parts.sessions.read())
  app.route('/', loginRoutes(parts))
  app.route('/', menuRoute(parts))
  app.route('/', actionRoutes(parts))
  app.route('/', leaveRoutes(parts))
  app.route('/', liveRoute(parts))
  app.route('/', experimentRoutes(parts))
  app.notFound((c) =>
    sendProblem(c, {
      status: 404,
      code: 'not_found',
      message: 'There is nothing at this address.',
      page: messagePage({
        title: 'Nothing is here',
        text: ['There is no page at this address.'],
        links: [{ href: '/menu', label: 'Go to the menu' }],
      }),
    }),
  )
  app.onError((error, c) => {
    parts.onError(error)
    return sendProblem(c, {
      status: 500,
      code: 'internal_error',
      message: 'Something is wrong in the demo itself; its console says what.',
      page: messagePage({
        title: 'Something broke here',
        text: ['The mistake is in the demo itself; its console says more. What is stored is as it was.'],
        links: [{ href: '/menu', label: 'Go to the menu' }],
      }),
    })
  })
  return app
}
