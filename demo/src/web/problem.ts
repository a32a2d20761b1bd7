import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Page } from '../pages/layout.ts'

/** Something that went wrong: a page for people, JSON for programs. */
export interface Problem {
  readonly status: ContentfulStatusCode
  /** Stable, for programs. */
  readonly code: string
  readonly message: string
  readonly retryAfterMs?: number | undefined
  /** Where to go to mend it. */
  readonly logIn?: string | undefined
  readonly page: Page
}

/** Answers with the page when a person navigates, else with JSON. */
export async function sendProblem(c: Context, problem: Problem): Promise<Response> {
  const { code, logIn, message, retryAfterMs, status } = problem
  if (retryAfterMs !== undefined) c.header('retry-after', String(Math.ceil(retryAfterMs / 1000)))
  if (wantsPage(c)) return c.html(problem.page, status)
  const body = {
    error: code,
    message,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    ...(logIn === undefined ? {} : { log_in: logIn }),
  }
  return sendJson(c, body, status)
}

/** Answers with JSON that a person can read as well. */
export function sendJson(c: Context, body: unknown, status: ContentfulStatusCode = 200): Response {
  return c.body(`${JSON.stringify(body, null, 2)}\n`, status, { 'content-type': 'application/json; charset=utf-8' })
}

function wantsPage(c: Context): boolean {
  return (c.req.header('accept') ?? '').includes('text/html')
}
