import { Hono } from 'hono'
import { GrantNotFoundError, ReauthorizationRequiredError, isEvergrantError } from 'evergrant'
import type { DemoParts } from '../demo-parts.ts'
import { menuPage } from '../pages/menu-page.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import { viewToken } from '../token-view.ts'
import { problemOf } from '../web/problem-of.ts'
import { sendProblem } from '../web/problem.ts'
import type { WebEnv } from '../web/web-session.ts'

/** The page with everything on it. */
export function menuRoute({ grants, upstream }: DemoParts): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.get('/menu', async (c) => {
    const user = c.get('session')?.user
    if (user === undefined) return sendProblem(c, notConnected)
    const session = grants.session(upstream.name, user.sub)
    try {
      const token = await session.token()
      const status = await session.status()
      return await c.html(menuPage({ user, status, token: viewToken(token, Date.now()), upstream }))
    } catch (error) {
      if (!isEvergrantError(error)) throw error
      const ended = error instanceof GrantNotFoundError || error instanceof ReauthorizationRequiredError
      if (ended) return sendProblem(c, problemOf(error))
      return sendProblem(c, problemOf(error))
    }
  })
  return app
}
