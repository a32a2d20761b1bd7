import { Hono } from 'hono'
import { ReauthorizationRequiredError, isEvergrantError } from 'evergrant'
import type { DemoParts } from '../demo-parts.ts'
import { viewGrant } from '../live/live-view.ts'
import { menuPage } from '../pages/menu-page.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import { problemOf } from '../web/problem-of.ts'
import { sendProblem } from '../web/problem.ts'
import type { WebEnv } from '../web/web-session.ts'
import { stormCalls } from './experiments.ts'

/** The page with everything on it; for a grant that is dead, the page that says how to bring it back. */
export function menuRoute({ experiments, grants, journal, storeTitle, upstream }: DemoParts): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  app.get('/menu', async (c) => {
    const user = c.get('session')?.user
    if (user === undefined) return sendProblem(c, notConnected)
    const client = upstream.name
    try {
      const session = grants.session(client, user.sub)
      await session.token()
      // A dead grant's last token is handed out until it is spent; the visitor should not have to wait for that.
      const { reason, state, ...key } = await session.status()
      if (state !== 'active') throw new ReauthorizationRequiredError(key, reason ?? 'revoked')
    } catch (error) {
      if (!isEvergrantError(error)) throw error
      // What will pass is told on the page itself.
      if (!error.retryable) return sendProblem(c, problemOf(error))
    }
    const view = await viewGrant({ client, grants, journal }, user.sub)
    return c.html(
      menuPage({
        user,
        view,
        client,
        providerTitle: upstream.title,
        tokenInfo: upstream.validation.kind === 'tokeninfo',
        stormCalls: experiments === undefined ? undefined : stormCalls,
        hasPair: experiments?.pair !== undefined,
        storeTitle,
      }),
    )
  })
  return app
}
