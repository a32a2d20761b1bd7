import { Hono } from 'hono'
import type { DemoParts } from '../demo-parts.ts'
import { switchNamed } from '../faults/fault-kinds.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import { sendJson, sendProblem } from '../web/problem.ts'
import { sameOriginOnly } from '../web/same-origin.ts'
import type { WebEnv } from '../web/web-session.ts'

/** How many calls the storm has. */
export const stormCalls = 50

/** `POST /storm`, `POST /faults/<kind>/on|off`, `POST /processes/on|off|kill`: what only a provider in this process can show. */
export function experimentRoutes({ experiments, publicUrl }: DemoParts): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  if (experiments === undefined) return app
  const { lab, pair, storm } = experiments
  const sameOrigin = sameOriginOnly(publicUrl)

  app.post('/storm', sameOrigin, async (c) => {
    if (c.get('session') === undefined) return sendProblem(c, notConnected)
    return sendJson(c, await storm.run(stormCalls))
  })

  app.post('/faults/:kind/:position{on|off}', sameOrigin, async (c, next) => {
    if (c.get('session') === undefined) return sendProblem(c, notConnected)
    const fault = switchNamed(c.req.param('kind'))
    if (fault === undefined) return next()
    await lab.turn(fault.kind, c.req.param('position') === 'on')
    return sendJson(c, await lab.view())
  })

  app.post('/processes/:action{on|off|kill}', sameOrigin, async (c, next) => {
    if (c.get('session') === undefined) return sendProblem(c, notConnected)
    if (pair === undefined) return next()
    const action = c.req.param('action')
    if (action === 'on') await pair.start()
    else if (action === 'off') await pair.stop()
    else pair.kill()
    return sendJson(c, pair.view())
  })

  return app
}
