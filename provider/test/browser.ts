/** A browser without a window: follows redirects by hand, keeps cookies, fills in and submits forms. */

interface Cookie {
  readonly value: string
  readonly path: string
}

/** A page as it arrived, with its first form. */
export interface LoadedPage {
  readonly status: number
  readonly url: string
  readonly headers: Headers
  readonly text: string
}

/** What a form would send, and where. */
export interface Form {
  readonly action: string
  readonly fields: URLSearchParams
}

export class Browser {
  readonly #cookies = new Map<string, Cookie>()
  /** Addresses that begin so are not loaded: the redirect to them is the result. */
  readonly #stopAt: string

  constructor(stopAt: string) {
    this.#stopAt = stopAt
  }

  /** Loads a page, following redirects; a redirect to the application returns status 0. */
  async open(url: string, init: RequestInit = {}): Promise<LoadedPage> {
    if (url.startsWith(this.#stopAt)) return { status: 0, url, headers: new Headers(), text: '' }
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string>), cookie: this.#cookieHeader(url), accept: 'text/html' },
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    const location = response.headers.get('location')
    if (location !== null && response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      return this.open(new URL(location, url).href)
    }
    return { status: response.status, url, headers: response.headers, text: await response.text() }
  }

  /** Submits a form of the page, as a browser would when a button is pressed. */
  submit(page: LoadedPage, changes: (form: Form) => Form = (form) => form): Promise<LoadedPage> {
    const { action, fields } = changes(formOf(page))
    return this.open(new URL(action, page.url).href, { method: 'POST', body: fields })
  }

  #cookieHeader(url: string): string {
    const { pathname } = new URL(url)
    return [...this.#cookies]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const name = pair.slice(0, pair.indexOf('='))
    const path = attributes.find((attribute) => attribute.startsWith('path='))?.slice('path='.length) ?? '/'
    if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#cookies.delete(name)
    else this.#cookies.set(name, { value: pair.slice(name.length + 1), path })
  }
}

/** Reads the first form of a page: its fields as they are filled in, ticked boxes included, no button. */
export function formOf(page: LoadedPage): Form {
  const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.text)
  if (!form) throw new Error(`Expected a form in the page at ${page.url}:\n${page.text}`)
  const fields = new URLSearchParams()
  for (const [tag] of form[2]!.matchAll(/<input[^>]*>/g)) {
    const isBox = tag.includes('type="checkbox"')
    if (tag.includes(' disabled') || (isBox && !tag.includes(' checked'))) continue
    fields.append(attribute(tag, 'name'), attribute(tag, 'value'))
  }
  return { action: unescape(form[1]!), fields }
}

/** Presses the button with this name and value. */
export function pressing(name: string, value: string): (form: Form) => Form {
  return ({ action, fields }) => {
    fields.set(name, value)
    return { action, fields }
  }
}

function attribute(tag: string, name: string): string {
  return unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '')
}

function unescape(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
