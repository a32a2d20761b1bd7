import { MAX_ANSWER_BYTES, readText, type Transport, type TransportAnswer } from '../client/http/transport.ts'
import { ConfigError } from '../model/errors.ts'
import type { DispatchController, Dispatcher, DispatchHandler } from './dispatcher.ts'

const FORM = 'application/x-www-form-urlencoded;charset=UTF-8'

/**
 * Returns a client's `transport`: requests to the provider go over an undici dispatcher (7 and newer), which costs less
 * than `fetch`. The dispatcher must not follow redirects or repeat requests: compose no interceptors for that.
 * @throws ConfigError for a value that is not a dispatcher
 */
export function undiciTransport(dispatcher: Dispatcher): Transport {
  if (typeof dispatcher?.dispatch !== 'function')
    throw new ConfigError('Expected the argument of undiciTransport to be an undici dispatcher.')
  return ({ url, method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const { origin, pathname, search } = new URL(url)
      // Without this the server may choose any encoding (RFC 9110 section 12.5.3).
      const all: Record<string, string> = { 'accept-encoding': 'identity', ...headers }
      if (body !== undefined) all['content-type'] ??= FORM
      const options = { origin, path: pathname + search, method, headers: all, body: body?.toString() ?? null }
      dispatcher.dispatch(options, receiver(resolve, reject, signal))
    })
}

type Fields = Readonly<Record<string, string | string[] | undefined>>

/** Receives one response: it is returned with its headers, its text with the end of its body. */
function receiver(
  answered: (answer: TransportAnswer) => void,
  failed: (error: Error) => void,
  signal: AbortSignal | undefined,
): DispatchHandler {
  let running: DispatchController | undefined
  let fields: Fields = {}
  let chunks: Uint8Array[] = []
  let bytes = 0
  let ended = false
  let resolve: (text: string | undefined | Promise<string | undefined>) => void
  let reject: (error: Error) => void
  const text = new Promise<string | undefined>((...both) => ([resolve, reject] = both))
  // The caller may not read it.
  text.catch(() => undefined)
  const abort = (): void => running?.abort(signal?.reason as Error)
  signal?.addEventListener('abort', abort)
  const end = (): void => {
    ended = true
    signal?.removeEventListener('abort', abort)
  }

  return {
    onRequestStart: (controller) => {
      running = controller
      if (signal?.aborted === true) abort()
    },
    onResponseStart: (_controller, status, headers) => {
      // An interim response (RFC 9110 section 15.2) is not the response.
      if (status < 200) return
      fields = headers as Fields
      answered({
        status,
        headers: { get: (name) => fieldOf(fields, name) },
        text: () => text,
        discard: () => {
          if (!ended) running?.abort(new Error('The body of the response is not needed.'))
        },
      })
    },
    onResponseData: (controller, chunk) => {
      bytes += chunk.byteLength
      if (bytes <= MAX_ANSWER_BYTES) {
        chunks.push(chunk)
        return
      }
      resolve(undefined)
      chunks = []
      controller.abort(new Error('The response is longer than 1 MiB.'))
    },
    onResponseEnd: () => {
      end()
      resolve(decode(chunks, fieldOf(fields, 'content-encoding')))
    },
    onResponseError: (_controller, error) => {
      end()
      failed(error)
      reject(error)
    },
  }
}

function fieldOf(fields: Fields, name: string): string | null {
  const value = fields[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? null)
}

/** Some servers compress although that was not requested. */
function decode(chunks: readonly Uint8Array[], encoding: string | null): string | Promise<string | undefined> {
  const format = encoding?.trim().toLowerCase()
  if (format === 'gzip' || format === 'deflate') {
    const body = new Blob([...chunks] as BlobPart[]).stream().pipeThrough(new DecompressionStream(format))
    return readText(new Response(body))
  }
  const decoder = new TextDecoder()
  return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('') + decoder.decode()
}
