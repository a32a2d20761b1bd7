import type { IncomingHttpHeaders } from 'node:http'

/** The client that a request names, in its Authorization header or its body, right or wrong. */
export function clientOfRequest(headers: IncomingHttpHeaders, form: URLSearchParams): string | undefined {
  return basicUser(headers.authorization) ?? form.get('client_id') ?? undefined
}

function basicUser(authorization: string | undefined): string | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const [user = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 1)
  try {
    return decodeURIComponent(user.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
