import type { Clock } from '../../util/clock.ts'
import { ProviderUnavailableError } from '../../model/errors.ts'
import type { Logger } from '../../model/logger.ts'
import type { Secrets } from '../../util/redact.ts'
import { untilAborted } from './deadline.ts'
import { isUnavailable } from './status.ts'
import { surelyNotSent } from './network-errors.ts'
import { MAX_ANSWER_BYTES, type Transport, type TransportAnswer } from './transport.ts'
import { assertSecure, type InsecurePolicy } from './transport-security.ts'

/** What a request needs to know of its client. */
export interface HttpContext {
  readonly name: string
  readonly clock: Required<Clock>
  readonly transport: Transport
  readonly logger: Logger | undefined
  readonly insecure: InsecurePolicy
  /** The `User-Agent` of requests without one. */
  readonly userAgent: string
  /** The provider's own headers, which precede those of the request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

interface HttpRequest {
  /** What it is for, in a few words, for messages and logs: `token request`. */
  readonly purpose: string
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** A form, or text in the format that the headers name. */
  readonly body?: URLSearchParams | string | null | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether a redirect is returned for the caller to judge; else it is refused. No redirect is ever followed here. */
  readonly redirects?: 'refuse' | 'answer'
  /** Whether a response that asks for a later retry says more than that, and is returned for the caller to judge. */
  readonly isAnswer?: (answer: Omit<HttpAnswer, 'headers'>) => boolean
  /** The secrets of this request, for its errors. */
  readonly secrets: Secrets
  /** Runs the exchange. @default runs it as it is */
  readonly around?: Around | undefined
}

/** Runs an exchange, and resolves to its response. */
type Around = (
  place: { readonly method: string; readonly url: URL },
  exchange: () => Promise<HttpAnswer>,
) => Promise<HttpAnswer>

/** A complete response. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: TransportAnswer['headers']
  /** Undefined: longer than 1 MiB. */
  readonly text: string | undefined
}

/**
 * Sends one request and reads the whole response. Redirects are not followed.
 * @throws ProviderUnavailableError if no complete response arrived, and for 408, 425, 429 and 5xx;
 * InsecureTransportError; the signal's reason
 */
export async function send(context: HttpContext, request: HttpRequest): Promise<HttpAnswer> {
  const url = new URL(request.url)
  assertSecure(url, context.insecure)
  request.signal?.throwIfAborted()
  const started = context.clock.monotonic()
  const place = { client: context.name, request: request.purpose, url: `${url.origin}${url.pathname}` }
  try {
    const exchanged = (): Promise<HttpAnswer> => untilAborted(exchange(context, request, url), request.signal)
    const { around, method } = request
    const answer = await (around === undefined ? exchanged() : around({ method, url }, exchanged))
    context.logger?.[answer.status < 400 ? 'debug' : 'info'](`${request.purpose} answered`, {
      ...place,
      status: answer.status,
      durationMs: Math.round(context.clock.monotonic() - started),
    })
    return answer
  } catch (error) {
    context.logger?.info(`${request.purpose} failed`, {
      ...place,
      ...(error instanceof ProviderUnavailableError && error.status !== undefined ? { status: error.status } : {}),
      error: request.secrets.redact(error instanceof Error ? error.message : String(error)),
      durationMs: Math.round(context.clock.monotonic() - started),
    })
    throw error
  }
}

async function exchange(context: HttpContext, request: HttpRequest, url: URL): Promise<HttpAnswer> {
  const { purpose, method, headers, body, signal, secrets } = request
  let answer: TransportAnswer | undefined
  try {
    answer = await context.transport({
      url: request.url,
      method,
      headers: withHeaders({ 'user-agent': context.userAgent, ...headers }, context.headers),
      ...(body === undefined || body === null ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    })
    const { status } = answer
    if (isUnavailable(status)) {
      if (request.isAnswer !== undefined) {
        const text = await boundedText(answer).catch(() => undefined)
        if (request.isAnswer({ status, text })) return { status, headers: answer.headers, text }
      }
      // A complete response: nothing is in flight, and servers that fail roll back. Its unread body would keep its
      // connection busy.
      answer.discard?.()
      const retryAfterMs = retryAfter(answer.headers, context.clock.now())
      throw new ProviderUnavailableError(
        `The provider of client '${context.name}' responded to the ${purpose} with status ${status}. Try again ${retryAfterMs === undefined ? 'later' : `in ${Math.ceil(retryAfterMs / 1000)} s`}.`,
        { status, retryAfterMs, maybeProcessed: false },
      )
    }
    // 0 is what a browser shows of a redirect.
    if (status < 200 || (status >= 300 && status < 400 && request.redirects !== 'answer')) {
      answer.discard?.()
      throw new ProviderUnavailableError(
        `The provider of client '${context.name}' responded to the ${purpose} with a redirect (status ${status}). Redirects are not followed, because they would forward credentials. Check the endpoint's URL.`,
        { status, maybeProcessed: false },
      )
    }
    return { status, headers: answer.headers, text: await boundedText(answer) }
  } catch (error) {
    if (error instanceof ProviderUnavailableError) throw error
    const sent = !(answer === undefined && surelyNotSent(error))
    throw new ProviderUnavailableError(
      sent
        ? `No complete response to the ${purpose} of client '${context.name}' arrived from ${url.origin}. It may have been processed. Try again later.`
        : `The ${purpose} of client '${context.name}' could not be sent: ${url.origin} was not reached. Check the network, the name and the certificate; then try again.`,
      { status: answer?.status, maybeProcessed: sent },
      { cause: secrets.cause(error) },
    )
  }
}

async function boundedText(answer: TransportAnswer): Promise<string | undefined> {
  const text = await answer.text()
  return (text?.length ?? 0) > MAX_ANSWER_BYTES ? undefined : text
}

/** The names of headers are case-insensitive. */
function withHeaders(
  headers: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const result = { ...headers }
  for (const [name, value] of Object.entries(own)) {
    for (const other of Object.keys(headers)) if (other.toLowerCase() === name.toLowerCase()) delete result[other]
    result[name] = value
  }
  return result
}

/**
 * Reads `Retry-After` (RFC 9110 section 10.2.3) in milliseconds: seconds, or a date by the server's own clock if the
 * response has its time.
 */
export function retryAfter(headers: TransportAnswer['headers'], now: number): number | undefined {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined || value === '') return undefined
  // Of several headers, which are joined, the longest wait counts.
  if (/^\d+(\.\d+)?(\s*,\s*\d+(\.\d+)?)*$/.test(value))
    return Math.min(Math.max(...value.split(',').map(Number)) * 1000, Number.MAX_SAFE_INTEGER)
  const until = Date.parse(value)
  if (Number.isNaN(until)) return undefined
  const server = Date.parse(headers.get('date') ?? '')
  return Math.max(0, until - (Number.isNaN(server) ? now : server))
}
