import { discardBody, readBody } from './bodies.ts'

/** A request to the provider, as a transport gets it. */
export interface TransportRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** A form, to be sent as `application/x-www-form-urlencoded` unless the headers say otherwise; or text in the format that the headers name. */
  readonly body?: URLSearchParams | string
  /** The request is to be given up, as far as that can be; the answer is not waited for any more. */
  readonly signal?: AbortSignal
}

/** The answer, as soon as its status and headers are there. */
export interface TransportAnswer {
  readonly status: number
  /** By name, in lower case. */
  readonly headers: { get(name: string): string | null }
  /** The whole body, decoded; undefined when it is longer than 1 MiB. Rejects when it breaks off. */
  text(): Promise<string | undefined>
  /** Called instead of `text` where the body doesn't matter, so that its connection is not kept busy. */
  discard?(): void
}

/**
 * Sends one request. It must not follow redirects and must not repeat the request, because a refresh token may be spent by it. What it rejects
 * with decides whether the request may have been processed: errors that have a `code` of the platform's, such as `ECONNREFUSED`, on them or on
 * their `cause`, tell that it surely was not.
 */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>

/** No answer of an authorization server is longer; a longer one is refused. */
export const MAX_ANSWER_BYTES = 1_048_576

/** The transport that a `fetch` makes. */
export function fetchTransport(fetch: typeof globalThis.fetch): Transport {
  return async ({ url, ...request }) => {
    const response = await fetch(url, { ...request, redirect: 'manual' })
    return {
      status: response.status,
      headers: response.headers,
      text: () => readText(response),
      discard: () => discardBody(response),
    }
  }
}

/** A message's text, or undefined when it is longer than 1 MiB. */
export async function readText(message: Response | Request): Promise<string | undefined> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  const read = await readBody(message.body, (chunk) => {
    bytes += chunk.byteLength
    if (bytes <= MAX_ANSWER_BYTES) text += decoder.decode(chunk, { stream: true })
    return bytes <= MAX_ANSWER_BYTES
  })
  if (read) return bytes > MAX_ANSWER_BYTES ? undefined : text + decoder.decode()
  // No body, or one of a kind that only its message can read.
  const whole = await message.text()
  return whole.length > MAX_ANSWER_BYTES ? undefined : whole
}
