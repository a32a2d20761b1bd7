/** A browser without a window or scripts: follows redirects by hand, keeps cookies by host, submits forms. */

export interface LoadedPage {
  readonly status: number
  readonly url: string
  readonly headers: Headers
  readonly text: string
  /** Every address on the way, the last one included. */
  readonly way: readonly string[]
}

const mostRedirects = 20

export class Browser {
  /** Cookies ignore ports: by host name and name. */
  readonly cookies = new Map<string, string>()
  /** A redirect to an address that begins so is not followed: it is the result, with status 0. */
  stopAt: string | undefined

  /** Loads a page, following redirects, as when an address is typed or a link on the same page is followed. */
  async open(url: string, init: RequestInit = {}, way: readonly string[] = []): Promise<LoadedPage> {
    if (way.length > mostRedirects) throw new Error(`Expected an end of redirects:\n${way.join('\n')}`)
    if (this.stopAt !== undefined && url.startsWith(this.stopAt)) {
      return { status: 0, url, headers: new Headers(), text: '', way: [...way, url] }
    }
    const answer = await this.send(url, init)
    const location = answer.headers.get('location')
    if (location !== null && answer.status >= 300 && answer.status < 400) {
      await answer.body?.cancel()
      return this.open(new URL(location, url).href, {}, [...way, url])
    }
    return { status: answer.status, url, headers: answer.headers, text: await answer.text(), way: [...way, url] }
  }

  /** Sends one request with the cookies, and keeps those that come back. */
  async send(url: string, init: RequestInit = {}): Promise<Response> {
    const { hostname } = new URL(url)
    const request: RequestInit = {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html', ...(init.headers as Record<string, string>), cookie: this.#header(hostname) },
    }
    // As browsers do: a connection that the server has closed meanwhile is made anew.
    const answer = await fetch(url, request).catch(() => fetch(url, request))
    for (const line of answer.headers.getSetCookie()) this.#keep(hostname, line)
    return answer
  }

  /** Submits the page's first form, with `changes` in its fields. */
  submit(page: LoadedPage, changes: Record<string, string> = {}): Promise<LoadedPage> {
    const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/.exec(page.text)
    if (!form) throw new Error(`Expected a form in the page at ${page.url}:\n${page.text}`)
    const fields = new URLSearchParams()
    for (const [tag] of form[2]!.matchAll(/<input[^>]*>/g)) {
      const isBox = tag.includes('type="checkbox"')
      if (tag.includes(' disabled') || (isBox && !tag.includes(' checked'))) continue
      fields.append(attribute(tag, 'name'), attribute(tag, 'value'))
    }
    for (const [name, value] of Object.entries(changes)) fields.set(name, value)
    return this.open(new URL(unescape(form[1]!), page.url).href, { method: 'POST', body: fields })
  }

  #header(hostname: string): string {
    return [...this.cookies]
      .filter(([key]) => key.startsWith(`${hostname} `))
      .map(([key, value]) => `${key.slice(hostname.length + 1)}=${value}`)
      .join('; ')
  }

  #keep(hostname: string, line: string): void {
    const [pair = ''] = line.split(';')
    const name = pair.slice(0, pair.indexOf('='))
    if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) this.cookies.delete(`${hostname} ${name}`)
    else this.cookies.set(`${hostname} ${name}`, pair.slice(name.length + 1))
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
