import { loadPages } from './load-pages.ts'
import type { FinishTarget } from './pages/finish.ts'
import { contentFor, lookOf } from './respond.ts'
import type { Ask, Web } from './web.ts'

/** Marks the request that our own page sends. */
const MARK = 'finish'

/** Whether our own page sent the request. */
export function isRepeat({ searchParams }: URL): boolean {
  return searchParams.get(MARK) === '1'
}

/** Returns the parameters that the provider sent. */
export function withoutMark({ search }: URL): URLSearchParams {
  const params = new URLSearchParams(search)
  params.delete(MARK)
  return params
}

/** Sends the browser here once more, from a page of this site: with all cookies, also those with `SameSite=Strict`. */
export function sendAgain(web: Web, ask: Ask, params: URLSearchParams): Promise<Response> {
  const { request, url } = ask
  const query = new URLSearchParams(url.search)
  query.set(MARK, '1')
  // Relative to the page, because a proxy may have changed its path.
  const target = { url: `?${query.toString()}` }
  return request.method === 'POST'
    ? sendTo(web, ask, { ...target, method: 'POST', fields: Object.fromEntries(params) })
    : sendTo(web, ask, { ...target, method: 'GET' })
}

/** Sends the browser on by a page. */
export async function sendTo(web: Web, ask: Ask, target: FinishTarget): Promise<Response> {
  const actions = [{ href: target.url, label: 'Continue' }]
  const { finishPage } = await loadPages()
  const content = await contentFor(web, ask, { status: 200, code: 'finish', actions })
  const { headers, html } = await finishPage(target, lookOf(web, ask), content)
  return new Response(html, { status: 200, headers })
}
