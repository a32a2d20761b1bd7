import { Hono } from 'hono'
import { CallbackError, ConfigError, isEvergrantError, type PendingLogin } from 'evergrant'
import type { DemoParts } from '../demo-parts.ts'
import { identify } from '../identity.ts'
import { messagePage } from '../pages/message-page.ts'
import { callbackProblem } from '../web/callback-problem.ts'
import { sendProblem, type Problem } from '../web/problem.ts'
import type { WebEnv } from '../web/web-session.ts'

/** How long the use of a pending login is remembered: longer than the login itself is valid. */
const onceMs = 20 * 60_000
/** The subject of logins without a logged-in user. */
const nobody = ''

/** `/` starts a login, `/callback` completes it. */
export function loginRoutes(parts: DemoParts): Hono<WebEnv> {
  const { client, grants, logins, publicUrl, sessions, store, upstream } = parts
  const app = new Hono<WebEnv>()

  app.get('/', async (c) => {
    // The provider sends the user back to the public address only, and another address has other cookies.
    if (new URL(c.req.url).host !== publicUrl.host) return c.redirect(new URL(pathOf(c.req.url), publicUrl).href, 302)
    const returnTo = c.req.query('return_to')
    const prompt = c.req.query('prompt') === 'consent' ? 'consent' : 'select_account'
    const subject = c.get('session')?.user.sub ?? nobody
    try {
      const pending = await grants.connect(upstream.name, subject, {
        params: { prompt },
        ...(returnTo !== undefined && { returnTo }),
      })
      await logins.keep(c, pending)
      return c.redirect(pending.url, 302)
    } catch (error) {
      if (error instanceof ConfigError && returnTo !== undefined) return sendProblem(c, elsewhere(error.message))
      if (isEvergrantError(error)) return sendProblem(c, callbackProblem(error))
      throw error
    }
  })

  app.get('/callback', async (c) => {
    const url = new URL(c.req.url)
    const subject = c.get('session')?.user.sub ?? nobody
    try {
      const pending = await logins.find(c, url.searchParams.get('state') ?? '')
      if (pending === undefined) {
        throw new CallbackError('state_mismatch', 'The callback does not belong to a login that this browser started.')
      }
      if (!(await store.once(`log-in:${pending.id}`, onceMs, crypto.randomUUID()))) {
        throw new CallbackError('already_used', 'This login was already used: each pending login is accepted once.')
      }
      if (pending.subject !== subject) {
        throw new CallbackError('wrong_subject', 'This login was started by another user of the application.')
      }
      const token = await client.exchangeCode(url, pending)
      const user = await identify(client, token)
      // A login without a refresh token keeps the stored one of the same user.
      await grants.save(upstream.name, user.sub, token)
      await sessions.begin(c, user)
      const returnTo = pending.returnTo ?? '/menu'
      const status = await grants.status(upstream.name, user.sub)
      if (status?.renewable === false && !askedForConsent(pending)) {
        return c.redirect(`/?${new URLSearchParams({ prompt: 'consent', return_to: returnTo }).toString()}`, 302)
      }
      return c.redirect(new URL(returnTo, publicUrl).href, 302)
    } catch (error) {
      if (isEvergrantError(error)) return sendProblem(c, callbackProblem(error))
      throw error
    }
  })

  return app
}

function askedForConsent({ url }: PendingLogin): boolean {
  return new URL(url).searchParams.get('prompt') === 'consent'
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

function elsewhere(message: string): Problem {
  return {
    status: 400,
    code: 'return_to_elsewhere',
    message,
    page: messagePage({
      title: 'The link leads to another site',
      text: ['Its return address is on another site. Logins return to this site only, so nothing was started.'],
      links: [
        { href: '/', label: 'Log in here' },
        { href: '/menu', label: 'Menu' },
      ],
      detail: message,
    }),
  }
}
