import { toBase64 } from '../base64.ts'

/** What a client authentication function gets: the token request's headers and body, to be changed in place (RFC 6749 section 2.3). */
export interface ClientAuthRequest {
  readonly clientId: string
  /** The secret that is being tried, when the client has one. */
  readonly clientSecret?: string
  readonly tokenEndpoint: string
  readonly issuer?: string
  readonly headers: Headers
  readonly body: URLSearchParams
}

/**
 * How the client authenticates at the token, revocation and introspection endpoints: alike for code, refresh and revocation.
 * - `client_secret_basic`: id and secret, each `encodeURIComponent`ed, in the Authorization header: what decoding and most non-decoding servers accept
 * - `client_secret_basic_raw`: the same without encoding, for servers that don't decode
 * - `client_secret_post`: id and secret in the body
 * - `none`: a public client: the id in the body
 * - a function, for anything else
 */
export type ClientAuth =
  | 'client_secret_basic'
  | 'client_secret_basic_raw'
  | 'client_secret_post'
  | 'none'
  | ((request: ClientAuthRequest) => void | Promise<void>)

/** The methods that have a name. */
export const CLIENT_AUTH_METHODS: readonly string[] = [
  'client_secret_basic',
  'client_secret_basic_raw',
  'client_secret_post',
  'none',
] satisfies readonly Exclude<ClientAuth, (request: ClientAuthRequest) => void | Promise<void>>[]

/** Whether a method can't do without a secret. */
export function needsSecret(auth: ClientAuth | undefined): boolean {
  return typeof auth === 'string' && auth !== 'none'
}

/**
 * How a client that was not told how authenticates: as the provider says, else basic with a secret (post where the server's metadata lists only
 * that), else none. A provider's secret-based method is for clients that have a secret: a public client at the same provider has none.
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
