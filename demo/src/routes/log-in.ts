import { Hono } from 'hono'
import { CallbackError, ConfigError, isEvergrantError, type PendingLogin } from 'evergrant'
import type { DemoParts } from '../demo-parts.ts'
import { identify } from '../identity.ts'
import { messagePage } from '../pages/message-page.ts'
import { callbackProblem } from '../web/callback-problem.ts'
import { sendProblem, type Problem } from '../web/problem.ts'
import type { WebEnv } from '../web/web-session.ts'

/** A pending log-in can't be used twice for longer than it can be used at all. */
const onceMs = 20 * 60_000
/** The subject of log-ins that nobody was logged in for. */
const nobody = ''

/** `/` starts a log-in, `/callback` ends it. */
export function loginRoutes(parts: DemoParts): Hono<WebEnv> {
  const { client, grants, logins, publicUrl, sessions, store, upstream } = parts
  const app = new Hono<WebEnv>()

  app.get('/', async (c) => {
    // The provider sends the user back to the public address only, and cookies don't follow from another one.
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
        throw new CallbackError('state_mismatch', 'The callback belongs to no log-in that this browser began.')
      }
      if (!(await store.once(`log-in:${pending.id}`, onceMs, crypto.randomUUID()))) {
        throw new CallbackError('already_used', 'This log-in was finished already.')
      }
      if (pending.subject !== subject) {
        throw new CallbackError('wrong_subject', 'This log-in was begun by another user of the application.')
      }
      const token = await client.exchangeCode(url, pending)
      const user = await identify(client, token)
      // A log-in that brought no refresh token keeps the stored one of the same user.
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
      title: 'That way leads elsewhere',
      text: [
        'The link that brought you here wants to send you to another site after the log-in. This one does not do that, so nothing was started.',
      ],
      links: [
        { href: '/', label: 'Log in here' },
        { href: '/menu', label: 'Menu' },
      ],
      detail: message,
    }),
  }
}
