import type { PageCode, PageContent } from './content.ts'
import { drawPage, type DrawnPage, type Look } from './draw.ts'
import { SENTENCES } from './sentences.ts'
import { contentIn } from './texts.ts'

/** How a login in a window ended. It has no token, because the opener may be any page of an allowed origin. */
export interface WindowMessage {
  readonly ok: boolean
  readonly client: string
  readonly account?: string
  /** Why it failed. */
  readonly code?: string
  /** The `popup` parameter of the start. With it, only the page that opened the window hears a message. */
  readonly popup?: string
}

/**
 * The module `connect.js`. It opens a window at the click on `a[data-evergrant]` or at a call of its `connect()`.
 * A window of its own origin may look closed while a provider has cut off its opener, hence the five minutes.
 */
export const CONNECT_SCRIPT = `const base = new URL('.', import.meta.url)
const page = Math.random().toString(36).slice(2)
const logins = new Map()

export async function connect(client, options = {}) {
  const url = new URL(encodeURIComponent(client), base)
  for (const [name, value] of Object.entries(options)) {
    if (value != null) url.searchParams.set(name, [].concat(value).join(' '))
  }
  return (await start(client, url)) ?? { ok: false, client, code: 'blocked' }
}

addEventListener('click', async (event) => {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  const link = event.composedPath().find((each) => each.href && each.dataset?.evergrant)
  if (!link) return
  const client = link.dataset.evergrant
  const again = logins.has(client)
  const result = start(client, new URL(link.href))
  if (!result) return
  event.preventDefault()
  const detail = await result
  if (again) return
  const target = link.isConnected ? link : document
  target.dispatchEvent(new CustomEvent('evergrant', { bubbles: true, composed: true, detail }))
}, true)

function start(client, url) {
  url.searchParams.set('popup', page)
  url.searchParams.set('origin', location.origin)
  const opened = open(url, 'evergrant-' + client, 'popup,width=520,height=720')
  if (!opened) return
  opened.focus()
  const login = logins.get(client) ?? follow(client)
  login.opened = opened
  return login.result
}

function follow(client) {
  const login = {}
  logins.set(client, login)
  login.result = new Promise((resolve) => {
    const channel = new BroadcastChannel('evergrant')
    const end = (result) => {
      logins.delete(client)
      removeEventListener('message', hear)
      channel.close()
      clearInterval(timer)
      resolve(result)
    }
    const take = ({ popup = page, ...result } = {}) => {
      if (result.client === client && popup === page) end(result)
    }
    const hear = ({ data, origin }) => origin === base.origin && take(data?.evergrant)
    addEventListener('message', hear)
    channel.onmessage = ({ data }) => take(data?.evergrant)
    let since
    const timer = setInterval(() => {
      since = login.opened.closed ? (since ?? Date.now()) : undefined
      if (Date.now() - since > 300000) end({ ok: false, client, code: 'closed' })
    }, 1000)
  })
  return login
}
`

const CLOSE = `const{message,origins}=JSON.parse(document.body.dataset.post)
try{for(const origin of origins)opener?.postMessage(message,origin)}catch{}
try{new BroadcastChannel('evergrant').postMessage(message)}catch{}
close()`

/** Draws the last page of a login in a window. It posts the result to its opener and closes the window. */
export async function closingPage(
  message: WindowMessage,
  origins: readonly string[],
  look: Look,
  content: PageContent = endOf(message),
): Promise<DrawnPage> {
  const post = { message: { evergrant: message }, origins: origins.filter((origin) => origin !== '*') }
  return drawPage(content, look, { script: CLOSE, post })
}

function endOf({ client, code = 'failed', ok }: WindowMessage): PageContent {
  const known = Object.hasOwn(SENTENCES, code) ? (code as PageCode) : 'failed'
  return contentIn(undefined, ok ? 'connected' : known, { status: 200, label: client, actions: [] })
}
