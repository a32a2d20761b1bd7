/** The part of a FormData that is read, of any implementation. */
interface Form extends Iterable<readonly [string, string | Blob]> {
  append(name: string, value: string | Blob): void
}

/**
 * Copies a request's body: later changes by the caller affect neither the first sending nor a repeat. Strings and Blobs
 * do not change. A stream is not copied.
 */
export function ownBody<T>(body: T): T {
  if (typeof body !== 'object' || body === null) return body
  return copyOf(body) as T
}

/** Whether a body can be sent a second time: a stream or an iterable may be consumed. */
export function canBeSentAgain(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string' || ArrayBuffer.isView(body)) return true
  return KINDS.has(kindOf(body))
}

const KINDS: ReadonlySet<string> = new Set([
  'ArrayBuffer',
  'SharedArrayBuffer',
  'URLSearchParams',
  'FormData',
  'Blob',
  'File',
])

/** By its name: undici, like other replacements of fetch, has its own FormData class. */
function kindOf(body: unknown): string {
  // The form-data package calls its streams FormData too.
  if (typeof (body as { pipe?: unknown }).pipe === 'function') return 'stream'
  return Object.prototype.toString.call(body).slice(8, -1)
}

function copyOf(body: object): unknown {
  if (ArrayBuffer.isView(body)) return new Uint8Array(new Uint8Array(body.buffer, body.byteOffset, body.byteLength))
  switch (kindOf(body)) {
    case 'ArrayBuffer':
    case 'SharedArrayBuffer':
      return new Uint8Array(new Uint8Array(body as ArrayBuffer))
    case 'URLSearchParams':
      return new URLSearchParams((body as URLSearchParams).toString())
    case 'FormData': {
      // Of the same class: undici's fetch accepts only its own FormData.
      const form = new (body.constructor as new () => Form)()
      for (const [name, value] of body as Form) form.append(name, value)
      return form
    }
    default:
      return body
  }
}
