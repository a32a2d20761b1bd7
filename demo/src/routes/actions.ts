import { Hono, type Context } from 'hono'
import { fetchWith, isEvergrantError, type OAuth2Session } from 'evergrant'
import type { DemoParts } from '../demo-parts.ts'
import { messagePage } from '../pages/message-page.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import { spentSource } from '../spent-source.ts'
import { viewToken } from '../token-view.ts'
import { problemOf } from '../web/problem-of.ts'
import { sendJson, sendProblem, type Problem } from '../web/problem.ts'
import { sameOriginOnly } from '../web/same-origin.ts'
import type { WebEnv } from '../web/web-session.ts'

/** The four things that the demo does with a grant; each answers JSON. */
export function actionRoutes({ client, grants, publicUrl, upstream }: DemoParts): Hono<WebEnv> {
  const app = new Hono<WebEnv>()
  const refreshing = sameOriginOnly(publicUrl)

  /** Runs an action for who is logged in. */
  const act = async (c: Context<WebEnv>, action: (session: OAuth2Session) => Promise<Response>): Promise<Response> => {
    const user = c.get('session')?.user
    if (user === undefined) return sendProblem(c, notConnected)
    try {
      return await action(grants.session(upstream.name, user.sub))
    } catch (error) {
      if (isEvergrantError(error)) return sendProblem(c, problemOf(error))
      throw error
    }
  }

  app.get('/profile', (c) =>
    act(c, async (session) => passOn(c, await session.fetch(upstream.userInfoUrl), upstream.title)),
  )

  app.get('/automatic_refresh', refreshing, (c) =>
    act(c, async (session) => {
      const before = await session.token()
      const response = await fetchWith(spentSource(session))(upstream.userInfoUrl)
      if (!response.ok) return passOn(c, response, upstream.title)
      await response.body?.cancel()
      return sendJson(c, {
        ...viewToken(await session.token(), Date.now()),
        previous_fingerprint: viewToken(before, Date.now()).fingerprint,
      })
    }),
  )

  app.get('/manual_refresh', refreshing, (c) =>
    act(c, async (session) => {
      const before = await session.token()
      const token = await session.refresh()
      return sendJson(c, {
        ...viewToken(token, Date.now()),
        previous_fingerprint: viewToken(before, Date.now()).fingerprint,
      })
    }),
  )

  app.get('/validate', (c) =>
    act(c, async (session) => {
      const { validation } = upstream
      if (validation.kind === 'none') return sendProblem(c, noValidation)
      const access_token = await session.accessToken()
      if (validation.kind === 'introspection') return sendJson(c, await client.introspect(access_token, 'access_token'))
      // In the body: what stands in an address ends up in logs.
      const body = new URLSearchParams({ access_token })
      return passOn(c, await fetch(validation.url, { method: 'POST', body }), upstream.title)
    }),
  )

  return app
}

const noValidation: Problem = {
  status: 501,
  code: 'no_validation',
  message: 'This provider has neither a tokeninfo nor an introspection endpoint.',
  page: messagePage({
    title: 'This provider validates no tokens',
    text: ['It has no endpoint that could be asked what a token is worth.'],
    links: [{ href: '/menu', label: 'Back to the menu' }],
  }),
}

/** Hands on what the provider answered. */
async function passOn(c: Context<WebEnv>, response: Response, title: string): Promise<Response> {
  if (response.ok) return sendJson(c, await response.json())
  await response.body?.cancel()
  return sendProblem(c, {
    status: 502,
    code: 'resource_refused',
    message: `The resource server answered with status ${response.status}.`,
    page: messagePage({
      title: 'The answer was a refusal',
      text: [`Asked on your behalf, ${title} answered with status ${response.status}.`],
      links: [
        { href: '/menu', label: 'Back to the menu' },
        { href: '/?prompt=consent', label: 'Connect again' },
      ],
    }),
  })
}
