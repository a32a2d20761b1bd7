import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { DemoParts } from '../demo-parts.ts'
import { viewGrant } from '../live/live-view.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import { sendProblem } from '../web/problem.ts'
import { sameOriginOnly } from '../web/same-origin.ts'
import type { WebEnv } from '../web/web-session.ts'

/** How soon a page comes back when the connection was lost. */
const retryMs = 1000

/**
 * `/live` tells a page what changes, for as long as it listens (server-sent events). Each second it asks for the token,
 * as an application with a request a second would: nothing else is needed to keep it fresh.
 */
export function liveRoute(parts: DemoParts): Hono<WebEnv> {
  const { experiments, journal, publicUrl, tickMs, upstream } = parts
  const lab = experiments?.lab
  const app = new Hono<WebEnv>()
  app.get('/live', sameOriginOnly(publicUrl), (c) => {
    const user = c.get('session')?.user
    if (user === undefined) return sendProblem(c, notConnected)
    c.header('x-accel-buffering', 'no')
    return streamSSE(c, async (stream) => {
      const news = new News()
      const stopJournal = journal.onNews(({ client, subject }) => {
        if (client === upstream.name && subject === user.sub) news.tell()
      })
      const stopLab = lab?.watch(() => news.tell())
      stream.onAbort(() => news.tell())
      let last = ''
      try {
        while (!stream.aborted && !stream.closed) {
          const { now, ...view } = {
            ...(await viewGrant({ ...parts, client: upstream.name }, user.sub)),
            lab: await lab?.view(),
          }
          const text = JSON.stringify(view)
          if (text !== last) await stream.writeSSE({ data: JSON.stringify({ now, ...view }), retry: retryMs })
          last = text
          if (view.ended) break
          await news.wait(tickMs)
        }
      } finally {
        stopJournal()
        stopLab?.()
      }
    })
  })
  return app
}

/** Something to wait for, for a while. */
class News {
  #arrived = false
  #wake: (() => void) | undefined

  tell(): void {
    this.#arrived = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#arrived) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#arrived = false
    this.#wake = undefined
  }
}
