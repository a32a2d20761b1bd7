import type { LoginContent } from './login-content.ts'
import { loadPages } from './load-pages.ts'
import type { PageCode } from './pages/content.ts'
import { contentFor, lookOf } from './respond.ts'
import type { Ask, NamedClient, Web } from './web.ts'

/** How a login in a window ended. */
interface Ending {
  readonly client: NamedClient
  readonly login: Pick<LoginContent, 'popup' | 'origin'>
  readonly account?: string
  /** Absent: it succeeded. */
  readonly problem?: { readonly status: number; readonly code: PageCode; readonly detail?: string | undefined }
}

/** Responds with the last page of a window. It posts the result to its opener and closes the window. */
export async function closeWindow(
  web: Web,
  ask: Ask,
  { account = '', client, login, problem }: Ending,
): Promise<Response> {
  const { origin = web.site.origin, popup } = login
  const message = {
    ok: problem === undefined,
    client: client.name,
    ...(account !== '' && { account }),
    ...(problem !== undefined && { code: problem.code }),
    ...(popup !== undefined && { popup }),
  }
  const said = problem ?? { status: 200, code: 'connected' as const }
  const { closingPage } = await loadPages()
  const content = await contentFor(web, ask, { ...said, client })
  const { headers, html } = await closingPage(message, [origin], lookOf(web, ask), content)
  return new Response(html, { status: content.status, headers })
}
