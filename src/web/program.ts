/** Whether a browser opens the request as a page. Everything else is a program, which gets JSON. */
export function isNavigation({ headers }: Request): boolean {
  const mode = headers.get('sec-fetch-mode')
  if (mode !== null) return mode === 'navigate'
  return (headers.get('accept') ?? '').includes('text/html')
}

/** Whether a browser loads the page before its user asks for it. */
export function isPrefetch({ headers }: Request): boolean {
  const purpose = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].map((name) => headers.get(name) ?? '').join()
  return /prefetch|prerender|preview/i.test(purpose) && !isFetch(headers)
}

/** A router fetches pages in advance too. It navigates if such a request is refused. */
function isFetch(headers: Headers): boolean {
  return ['cors', 'same-origin'].includes(headers.get('sec-fetch-mode') ?? '')
}

/** Whether a page of another site caused the request. `same-site` includes the subdomains of others. */
export function isForeign({ headers }: Request, origin: string): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'cross-site' || site === 'same-site'
  const referrer = headers.get('referer')
  return referrer !== null && originOf(referrer) !== origin
}

/** Whether a page of this site certainly caused the request. A missing header proves nothing. */
export function isOwn({ headers }: Request, origin: string): boolean {
  return headers.get('sec-fetch-site') === 'same-origin' || headers.get('origin') === origin
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}
