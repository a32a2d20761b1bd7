import { discardBody, readBody } from './bodies.ts'

/** A request to the provider, as a transport receives it. */
export interface TransportRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /**
   * A form, sent as `application/x-www-form-urlencoded` unless the headers say otherwise, or text in the format that
   * the headers name.
   */
  readonly body?: URLSearchParams | string
  /** Aborts the request if possible. The response is not waited for then. */
  readonly signal?: AbortSignal
}

/** The response, as soon as its status and headers arrive. */
export interface TransportAnswer {
  readonly status: number
  /** By name, in lower case. */
  readonly headers: { get(name: string): string | null }
  /** Resolves to the whole body, decoded, or to undefined if it is longer than 1 MiB. Rejects if it breaks off. */
  text(): Promise<string | undefined>
  /** Called instead of `text` if the body is not needed, so that its connection is not kept busy. */
  discard?(): void
}

/**
 * Sends one request. It must not follow redirects and must not repeat the request, because it may use up a refresh
 * token. Its rejection decides whether the request may have been processed. Errors with a `code` of the platform, such
 * as `ECONNREFUSED`, on them or on their `cause`, mean that it certainly was not.
 */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>

/** Maximum size of an authorization server's response. A longer one is refused. */
export const MAX_ANSWER_BYTES = 1_048_576

/** Makes a transport of a `fetch`. */
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

/** Reads a message's text. Resolves to undefined if it is longer than 1 MiB. */
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
