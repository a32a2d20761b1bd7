import type { PageAction, PageCode, PageContent, PageRow } from './pages/content.ts'
import { loadPages } from './load-pages.ts'
import type { Look } from './pages/draw.ts'
import { startPath, type StartParams } from './start-params.ts'
import { homeOf, type Ask, type NamedClient, type Web } from './web.ts'

/** What a response says, for a page or for JSON. */
export interface Message {
  readonly status: number
  readonly code: PageCode
  readonly client?: NamedClient | undefined
  /** What the page's link, or the program, starts a login with. */
  readonly connect?: StartParams | undefined
  /** Further actions, after that link. */
  readonly actions?: readonly PageAction[]
  readonly rows?: readonly PageRow[] | undefined
  readonly detail?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
}

/** Nothing of the routes may be kept: neither pages nor redirects. */
export const NO_STORE: Readonly<Record<string, string>> = { 'cache-control': 'no-store' }

/** Redirects with GET, whatever the method was (RFC 9110 section 15.4.4). */
export function redirect(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ ...NO_STORE, location })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}

/** Adds headers to a response that may be immutable. */
export function withHeaders(response: Response, more: Headers): Response {
  const { body, status, statusText } = response
  const headers = new Headers(response.headers)
  for (const [name, value] of more) {
    if (name === 'set-cookie') headers.append(name, value)
    else headers.set(name, value)
  }
  return new Response(body, { status, statusText, headers })
}

/** Returns JSON for programs. */
export function json(body: object, status: number, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(body, { status, headers: { ...NO_STORE, 'x-content-type-options': 'nosniff', ...headers } })
}

/** Responds with a page to a browser and with JSON to a program. */
export async function respond(web: Web, ask: Ask, message: Message): Promise<Response> {
  const content = await contentFor(web, ask, message)
  return ask.isNavigation
    ? page(web, ask, content, message.headers)
    : json(bodyOf(web, message, content), message.status, message.headers)
}

/** Returns what a page says. */
export async function contentFor(web: Web, ask: Ask, message: Message): Promise<PageContent> {
  const { actions = [], client, code, connect, detail, rows, status } = message
  const all: PageAction[] = [...actions]
  if (connect !== undefined && client !== undefined)
    all.unshift({ href: startPath(web.site, client.name, connect), label: 'Connect {label}' })
  all.push({ href: homeOf(web), label: 'Back' })
  const facts = { status, label: client?.label ?? '', actions: all, detail, rows }
  const { contentOf } = await loadPages()
  return contentOf(code, facts, web.options.texts, ask.request)
}

/** How pages look. */
export function lookOf({ options }: Web, { request }: Ask): Look {
  const { css, lang = 'en' } = options
  return { css, lang: typeof lang === 'function' ? lang(request) : lang }
}

function bodyOf({ site }: Web, { client, connect }: Message, { code, text, title }: PageContent): object {
  const path = client && connect && startPath(site, client.name, connect)
  return { error: code, message: text.join(' ') || title, ...(path !== undefined && { connect: path }) }
}

async function page(
  web: Web,
  ask: Ask,
  content: PageContent,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const { status } = content
  const own = await web.options.page?.(content, ask.request, ask.context)
  if (typeof own === 'object' && own !== null) return own
  if (typeof own === 'string') {
    // The application's layout has its own scripts and styles.
    const safe = { ...NO_STORE, 'content-type': 'text/html; charset=utf-8', 'referrer-policy': 'same-origin' }
    return new Response(own, {
      status,
      headers: { ...safe, 'content-security-policy': "frame-ancestors 'none'", ...headers },
    })
  }
  const { drawPage } = await loadPages()
  const drawn = await drawPage(content, lookOf(web, ask))
  return new Response(drawn.html, { status, headers: { ...drawn.headers, ...headers } })
}
