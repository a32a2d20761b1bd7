import { Hono } from 'hono'
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import type { DemoParts } from '../demo-parts.ts'
import { viewGrant } from '../live/live-view.ts'
import { News } from '../live/news.ts'
import { notConnected } from '../pages/not-connected-page.ts'
import type { Pair } from '../pair/pair.ts'
import { sendProblem } from '../web/problem.ts'
import { sameOriginOnly } from '../web/same-origin.ts'
import type { WebEnv } from '../web/web-session.ts'

/** How soon a page comes back when the connection was lost. */
const retryMs = 1000
/** The two processes have news many times a second; a page is told of them no more often than this. */
const pairEveryMs = 150
/** Without news nothing is sent; it is looked up so often whether somebody listens still. */
const idleMs = 10_000

/**
 * `/live` tells a page what changes, for as long as it listens (server-sent events). Each second it asks for the token,
 * as an application with a request a second would: nothing else is needed to keep it fresh.
 */
export function liveRoute(parts: DemoParts): Hono<WebEnv> {
  const { experiments, journal, publicUrl, tickMs, upstream } = parts
  const { lab, pair } = experiments ?? {}
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
      if (pair !== undefined) void sendPair(stream, pair)
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

/** Tells of the two processes in the same stream, at their own speed. */
async function sendPair(stream: SSEStreamingApi, pair: Pair): Promise<void> {
  const news = new News()
  const stop = pair.watch(() => news.tell())
  stream.onAbort(() => {
    stop()
    news.tell()
  })
  let last = ''
  while (!stream.aborted && !stream.closed) {
    const { now, ...view } = pair.view()
    const text = JSON.stringify(view)
    if (text !== last) await stream.writeSSE({ event: 'pair', data: JSON.stringify({ now, ...view }) })
    last = text
    await stream.sleep(pairEveryMs)
    await news.wait(idleMs)
  }
  stop()
}
