import { ConfigError } from '../model/errors.ts'
import type { Secrets } from '../util/redact.ts'
import type { ClientAuth } from '../model/client-auth.ts'
import { authenticate, chooseClientAuth, needsSecret } from './client-auth.ts'
import { rememberSecret, type Credentials } from './credentials.ts'
import type { Server } from './server.ts'

/** A request's headers and body with the client's authentication. */
export interface Authenticated {
  readonly headers: Headers
  readonly body: URLSearchParams
}

/** One attempt to authenticate a request. `next` is present if the client has another secret. */
export interface Attempt {
  readonly authenticated: Authenticated
  readonly next?: () => Promise<Attempt>
}

/** The members of a request's body that are secret. */
const SECRET_PARAMETERS = [
  'client_secret',
  'client_assertion',
  'code',
  'code_verifier',
  'refresh_token',
  'token',
  'assertion',
] as const

/** Returns how a client authenticates at this server. */
export function authMethodAt(server: Server, { auth, providerAuth, secret }: Credentials): ClientAuth {
  const supported = server.metadata.token_endpoint_auth_methods_supported
  return chooseClientAuth(auth, providerAuth, secret !== undefined, Array.isArray(supported) ? supported : undefined)
}

/** Does everything of authenticating that can fail in advance: the secret is loaded and the authentication made. */
export async function prepareAuthentication(
  credentials: Credentials,
  server: Server,
  parameters: URLSearchParams,
  secrets: Secrets,
): Promise<Attempt> {
  const { shared } = credentials
  const method = authMethodAt(server, credentials)
  const values = await resolved(credentials, method)
  const first = shared.first % values.length
  const attempt = async (place: number): Promise<Attempt> => ({
    authenticated: await authenticated(credentials, server, { method, secret: values[place], parameters, secrets }),
  })
  if (values.length === 1) return attempt(first)
  return {
    ...(await attempt(first)),
    next: () => {
      shared.first = (first + 1) % values.length
      return attempt(shared.first)
    },
  }
}

async function authenticated(
  { client }: Credentials,
  server: Server,
  request: { method: ClientAuth; secret: string | undefined; parameters: URLSearchParams; secrets: Secrets },
): Promise<Authenticated> {
  const { method, parameters, secret, secrets } = request
  const headers = new Headers()
  const body = new URLSearchParams(parameters)
  try {
    await authenticate(method, {
      clientId: client.clientId,
      ...(secret === undefined ? {} : { clientSecret: secret }),
      tokenEndpoint: server.tokenEndpoint,
      ...(server.issuer === undefined ? {} : { issuer: server.issuer }),
      headers,
      body,
    })
  } catch (error) {
    throw new ConfigError(`The clientAuth function of client '${client.name}' failed.`, {
      cause: secrets.cause(error),
    })
  }
  secrets.add(headers.get('authorization')?.replace(/^\w+\s+/, ''))
  for (const name of SECRET_PARAMETERS) secrets.add(...body.getAll(name))
  return { headers, body }
}

/** Returns the secrets to try. A function has one. */
async function resolved({ client, secret }: Credentials, method: ClientAuth): Promise<readonly (string | undefined)[]> {
  if (secret === undefined || method === 'none') return [undefined]
  if (typeof secret === 'string') return [secret]
  if (typeof secret !== 'function') return secret
  let value: unknown
  try {
    value = await secret()
  } catch (error) {
    throw new ConfigError(`The clientSecret function of client '${client.name}' failed. It must return the secret.`, {
      cause: client.secrets.cause(error),
    })
  }
  if (typeof value !== 'string' || (value === '' && needsSecret(method))) {
    throw new ConfigError(
      `Expected the clientSecret function of client '${client.name}' to return a non-empty string, got ${value === '' ? 'an empty one' : value === null ? 'null' : typeof value}. Is an environment variable unset?`,
    )
  }
  rememberSecret(client, value)
  return [value]
}
