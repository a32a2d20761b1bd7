import { unheeded } from '../../util/promised.ts'

/** Tells apart the bodies that a `fetch` may have: streams of the platform, and Node's, as the messages of node-fetch have. */
export function isWebStream(body: unknown): body is ReadableStream {
  return typeof (body as Partial<ReadableStream> | null | undefined)?.getReader === 'function'
}

/** Gives up the body of a message that nobody reads: unread, it would keep its connection busy. It never fails. */
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
      // What breaks now is of no interest, and an error that nobody listens to would end the process.
      body.on?.('error', () => undefined)
      body.destroy()
    }
  } catch {
    // It is read already, or somebody else's now.
  }
}

/** Reads a body to its end, or until `take` answers false: the rest is given up then. False for a body of no known kind. */
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
  // To leave the loop destroys a stream.
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) if (!take(bytesOf(chunk))) break
  return true
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
}
