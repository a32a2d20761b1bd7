import { ConfigError } from '../model/errors.ts'

/** Longest body that is read. */
export const MAX_BODY_BYTES: number = 64 * 1024

/** Whether a body is a form as HTML posts it. */
export function isForm(contentType: string | null): boolean {
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType ?? '')
}

/** Reads a posted form. Undefined: the body is too long, or of another type. An absent body is an empty form. */
export async function readForm(request: Request): Promise<URLSearchParams | undefined> {
  if (request.body !== null && !isForm(request.headers.get('content-type'))) return undefined
  const text = await readBody(request)
  return text === undefined ? undefined : new URLSearchParams(text)
}

/** Reads a body as text. Undefined: it is too long. */
export async function readBody(request: Request): Promise<string | undefined> {
  if (request.bodyUsed)
    throw new ConfigError('The body of the request was read before. Pass the request to the handler unread.')
  const reader = request.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let size = 0; ;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) return text + decoder.decode()
    size += value.byteLength
    if (size > MAX_BODY_BYTES) {
      // The rest is not waited for.
      void reader?.cancel().catch(() => undefined)
      return undefined
    }
    text += decoder.decode(value, { stream: true })
  }
}
