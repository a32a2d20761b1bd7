import type { ClientAuth, ClientAuthRequest } from '../model/client-auth.ts'
import { toBase64 } from '../util/base64.ts'

/** The methods that have a name. */
export const CLIENT_AUTH_METHODS: readonly string[] = [
  'client_secret_basic',
  'client_secret_basic_raw',
  'client_secret_post',
  'none',
] satisfies readonly Exclude<ClientAuth, (request: ClientAuthRequest) => void | Promise<void>>[]

/** Whether a method requires a secret. */
export function needsSecret(auth: ClientAuth | undefined): boolean {
  return typeof auth === 'string' && auth !== 'none'
}

/**
 * Chooses how a client without `clientAuth` authenticates: as the provider says, else basic with a secret (post if the
 * server's metadata lists only that), else none. A provider's secret-based method is for clients that have a secret: a
 * public client at the same provider has none.
 */
export function chooseClientAuth(
  option: ClientAuth | undefined,
  provider: ClientAuth | undefined,
  hasSecret: boolean,
  supported: readonly string[] | undefined,
): ClientAuth {
  if (option !== undefined) return option
  if (provider !== undefined && (hasSecret || !needsSecret(provider))) return provider
  if (!hasSecret) return 'none'
  // RFC 8414 section 2: no list means basic.
  if (supported === undefined || supported.includes('client_secret_basic')) return 'client_secret_basic'
  return supported.includes('client_secret_post') ? 'client_secret_post' : 'client_secret_basic'
}

/** Adds the client's authentication to a request's headers and body. */
export async function authenticate(auth: ClientAuth, request: ClientAuthRequest): Promise<void> {
  if (typeof auth === 'function') return auth(request)
  const { clientId, clientSecret = '', headers, body } = request
  switch (auth) {
    case 'client_secret_basic':
      headers.set('authorization', basic(encodeURIComponent(clientId), encodeURIComponent(clientSecret)))
      break
    case 'client_secret_basic_raw':
      headers.set('authorization', basic(clientId, clientSecret))
      break
    case 'client_secret_post':
      body.set('client_id', clientId)
      body.set('client_secret', clientSecret)
      break
    default:
      body.set('client_id', clientId)
  }
  return undefined
}

function basic(user: string, password: string): string {
  return `Basic ${toBase64(`${user}:${password}`)}`
}
