import { isForm, MAX_BODY_BYTES } from './form.ts'

/** The parts of Node's request that are used. Express, Connect and Fastify pass it on or extend it. */
export interface NodeIncoming extends AsyncIterable<unknown> {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** The URL before a router removed its own path. */
  readonly originalUrl?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly socket?: object | undefined
  /** Whether a body parser read the body. */
  readonly readableDidRead?: boolean
  /** What a body parser made of it. */
  readonly body?: unknown
}

/** Makes the web's request of Node's. No route trusts its host. */
export function requestOf(incoming: NodeIncoming): Request {
  const method = methodOf(incoming)
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(urlOf(incoming), {
    method,
    headers: headersOf(incoming),
    ...(hasBody && bodyOf(incoming)),
  })
}

/** The request of a page: its body belongs to the application. */
export function pageRequest(incoming: NodeIncoming): Request {
  return new Request(urlOf(incoming), { method: methodOf(incoming), headers: headersOf(incoming) })
}

/** A request of the web has none of these methods, and no route either. */
function methodOf({ method = 'GET' }: NodeIncoming): string {
  return /^(connect|trace|track)$/i.test(method) ? 'OPTIONS' : method
}

/** Returns the URL as the application sees it. */
export function urlOf({ headers, originalUrl, socket, url }: NodeIncoming): URL {
  const isTls = socket !== undefined && 'encrypted' in socket && socket.encrypted === true
  const scheme = isTls ? 'https' : 'http'
  const host = typeof headers['host'] === 'string' ? headers['host'] : 'localhost'
  const base = URL.canParse(`${scheme}://${host}`) ? `${scheme}://${host}` : `${scheme}://localhost`
  const path = originalUrl ?? url ?? '/'
  // A path such as `//example.com` would be another host.
  return path.startsWith('/') ? new URL(base + path) : new URL('/', base)
}

function headersOf({ headers }: NodeIncoming): Headers {
  const result = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    // HTTP/2 has pseudo-headers.
    if (value === undefined || name.startsWith(':')) continue
    for (const each of typeof value === 'string' ? [value] : value) result.append(name, each)
  }
  return result
}

function bodyOf(incoming: NodeIncoming): { readonly body?: BodyInit; readonly duplex?: 'half' } {
  // Some parsers set an empty body though they left it unread.
  if (incoming.readableDidRead === true) return parsedBody(incoming)
  const { headers } = incoming
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return {}
  return { body: streamOf(incoming), duplex: 'half' }
}

function parsedBody({ body, headers }: NodeIncoming): { readonly body?: BodyInit } {
  if (body === undefined || body === null) return {}
  if (typeof body === 'string' || body instanceof Uint8Array) return { body: body as BodyInit }
  if (typeof body !== 'object') return {}
  if (!isForm(String(headers['content-type']))) return { body: JSON.stringify(body) }
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(body)) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value as unknown])
      if (typeof each === 'string') form.append(name, each)
  }
  return { body: form.toString() }
}

/** The body as it arrives, up to what any route reads. */
function streamOf(incoming: NodeIncoming): ReadableStream<Uint8Array> {
  const chunks = incoming[Symbol.asyncIterator]()
  let left = MAX_BODY_BYTES + 1
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await chunks.next()
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : (value as Uint8Array | undefined)
      if (bytes !== undefined) controller.enqueue(bytes)
      left -= bytes?.byteLength ?? 0
      if (done === true || left <= 0) controller.close()
    },
  })
}
