/** What is read of a FormData, of whatever implementation. */
interface Form extends Iterable<readonly [string, string | Blob]> {
  append(name: string, value: string | Blob): void
}

/**
 * A request's body as it is now: what its caller does with the object later changes nothing, neither the first sending nor a repeat. Strings and
 * Blobs don't change; a stream is what it is.
 */
export function ownBody<T>(body: T): T {
  if (typeof body !== 'object' || body === null) return body
  return copyOf(body) as T
}

/** Whether a body is there to be sent again after it was sent: a stream or an iterable may be used up. */
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

/** By its name: undici, like other replacements of fetch, has a FormData class of its own. */
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
      // Of the same class: undici's fetch takes no other FormData than its own.
      const form = new (body.constructor as new () => Form)()
      for (const [name, value] of body as Form) form.append(name, value)
      return form
    }
    default:
      return body
  }
}
