import type { Secrets } from '../util/redact.ts'
import type { ClientAuth } from '../model/client-auth.ts'

/**
 * A client's secret or secrets, or a function that returns one. A function that returns none is an error when the
 * client is used.
 */
export type ClientSecret = string | readonly string[] | (() => string | undefined | Promise<string | undefined>)

/** What a client authenticates with at its server. */
export interface Credentials {
  readonly client: { readonly name: string; readonly clientId: string; readonly secrets: Secrets }
  readonly auth: ClientAuth | undefined
  readonly providerAuth: ClientAuth | undefined
  readonly secret: ClientSecret | undefined
  /**
   * `first` is the index of the secret to start with: the one after the last that was refused, so that an old one is
   * not tried at each request.
   */
  readonly shared: { first: number }
}

/** Makes a client's credentials, and masks its secrets. */
export function makeCredentials(credentials: Omit<Credentials, 'shared'>): Credentials {
  const { client, secret } = credentials
  if (typeof secret === 'string') rememberSecret(client, secret)
  else if (typeof secret === 'object') for (const each of secret) rememberSecret(client, each)
  return { ...credentials, shared: { first: 0 } }
}

/** Masks a secret, also as the base64 pair of an Authorization header. */
export function rememberSecret({ clientId, secrets }: Credentials['client'], secret: string): void {
  secrets.add(secret, `${clientId}:${secret}`, `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`)
}
