import { sha256 } from '../../util/crypto.ts'
import type { PageAction, PageContent, PageRow } from './content.ts'
import { STYLE } from './style.ts'

/** How the built-in pages are drawn. */
export interface Look {
  /** The language of the texts, for `<html lang>`. */
  readonly lang: string
  /** Rules added to the built-in style. The pages load nothing, so `url()` has no effect in them. */
  readonly css: string | undefined
}

/** A page and the headers without which it must not be sent. */
export interface DrawnPage {
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

/** What only the pages of a script have. */
export interface PageScript {
  /** Address that the page goes on to at once, without a script. */
  readonly refresh?: string
  /** A constant of the library: its hash is allowed to run. */
  readonly script?: string
  /** Given to the script as JSON in `data-post` of the body. */
  readonly post?: unknown
}

/** Draws a page as HTML that works without script and style. A promise, because Web Crypto computes its hashes. */
export async function drawPage(content: PageContent, look: Look, extra: PageScript = {}): Promise<DrawnPage> {
  const style = STYLE + ownRules(look.css ?? '')
  const { post, refresh, script } = extra
  const head = [
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    refresh === undefined ? '' : `<meta http-equiv="refresh" content="0;url=${escapeHtml(refresh)}">`,
    `<title>${escapeHtml(content.title)}</title><style>${style}</style>`,
  ]
  const data = post === undefined ? '' : ` data-post="${escapeHtml(JSON.stringify(post))}"`
  const html = [
    `<!doctype html><html lang="${escapeHtml(look.lang)}" dir="auto"><head>${head.join('')}</head>`,
    `<body data-code="${escapeHtml(content.code)}"${data}><main>${mainOf(content)}</main>`,
    script === undefined ? '' : `<script>${script}</script>`,
    '</body></html>',
  ]
  return { html: html.join('\n'), headers: await headersOf(style, script) }
}

function mainOf({ actions, detail, rows = [], text, title }: PageContent): string {
  const list = rows.map(drawRow).join('')
  return [
    `<h1>${escapeHtml(title)}</h1>`,
    ...text.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    list && `<ul>${list}</ul>`,
    drawActions(actions),
    detail && `<details><summary>${escapeHtml(detail.label)}</summary><p>${escapeHtml(detail.text)}</p></details>`,
  ].join('')
}

const drawRow = ({ actions, label, text }: PageRow): string =>
  `<li><h2>${escapeHtml(label)}</h2><p>${escapeHtml(text)}</p>${drawActions(actions)}</li>`

const drawActions = (actions: readonly PageAction[]): string =>
  actions.length === 0 ? '' : `<div>${actions.map(drawAction).join('')}</div>`

function drawAction({ fields = {}, href, label, method }: PageAction): string {
  const to = escapeHtml(href)
  if (method === undefined) return `<a href="${to}">${escapeHtml(label)}</a>`
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  )
  return `<form method="post" action="${to}">${inputs.join('')}<button>${escapeHtml(label)}</button></form>`
}

/** The hash is compared after the browser made line feeds of all line ends; and no rule may end the element. */
const ownRules = (css: string): string => css.replaceAll(/\r\n?/g, '\n').replaceAll('</', '<\\/')

/** The headers of every page. They allow its own style and script only, and no frame of another site around it. */
async function headersOf(style: string, script: string | undefined): Promise<Readonly<Record<string, string>>> {
  const policy = [
    "default-src 'none'",
    `style-src ${await hashSource(style)}`,
    ...(script === undefined ? [] : [`script-src ${await hashSource(script)}`]),
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
}

async function hashSource(text: string): Promise<string> {
  const hash = await sha256(text)
  return `'sha256-${hash.replaceAll('-', '+').replaceAll('_', '/')}='`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
