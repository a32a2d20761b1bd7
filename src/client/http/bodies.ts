import { unheeded } from '../../util/promised.ts'

/**
 * Distinguishes the bodies that a `fetch` may have: streams of the platform, and Node's, as in the messages of
 * node-fetch.
 */
export function isWebStream(body: unknown): body is ReadableStream {
  return typeof (body as Partial<ReadableStream> | null | undefined)?.getReader === 'function'
}

/** Discards the unread body of a message, which would keep its connection busy. It never fails. */
export function discardBody(message: { readonly body?: unknown }): void {
  try {
    const body = message.body as {
      cancel?: () => unknown
      destroy?: () => unknown
      on?: (event: 'error', listener: () => void) => unknown
    } | null
    if (typeof body?.cancel === 'function') {
      unheeded(body.cancel())
    } else if (typeof body?.destroy === 'function') {
      // A failure from here on is irrelevant, and an error without a listener would end the process.
      body.on?.('error', () => undefined)
      body.destroy()
    }
  } catch {
    // It is read already, or belongs to other code now.
  }
}

/**
 * Reads a body to its end, or until `take` returns false: the rest is discarded then. Returns false for a body of
 * unknown kind.
 */
export async function readBody(body: unknown, take: (chunk: Uint8Array) => boolean): Promise<boolean> {
  if (isWebStream(body)) {
    const reader = (body as ReadableStream<Uint8Array | string>).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return true
      if (!take(bytesOf(value))) {
        unheeded(reader.cancel())
        return true
      }
    }
  }
  if (typeof (body as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] !== 'function')
    return false
  // Leaving the loop destroys a stream.
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) if (!take(bytesOf(chunk))) break
  return true
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
}
