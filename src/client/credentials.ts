import { ConfigError } from '../model/errors.ts'
import type { Secrets } from '../util/redact.ts'
import type { ClientAuth } from '../model/client-auth.ts'
import { authenticate, chooseClientAuth, needsSecret } from './client-auth.ts'
import type { Server } from './server.ts'

/** A client's secret or secrets, or how to get it. A function that has none to answer is an error when the client is used. */
export type ClientSecret = string | readonly string[] | (() => string | undefined | Promise<string | undefined>)

/** A request's headers and body with the client's authentication in them. */
export interface Authenticated {
  readonly headers: Headers
  readonly body: URLSearchParams
}

/** One way to authenticate a request; `next` is there when the client has another secret. */
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

/** How a client authenticates at its server. */
export class Credentials {
  readonly #client: { readonly name: string; readonly clientId: string; readonly secrets: Secrets }
  readonly #auth: ClientAuth | undefined
  readonly #providerAuth: ClientAuth | undefined
  readonly #secret: ClientSecret | undefined
  /** `first` is the place of the secret to begin with: the one after the last that was refused, so that an old one is not tried at each request. */
  readonly #shared: { first: number }

  constructor(
    client: { readonly name: string; readonly clientId: string; readonly secrets: Secrets },
    options: { auth: ClientAuth | undefined; providerAuth: ClientAuth | undefined; secret: ClientSecret | undefined },
    shared: { first: number } = { first: 0 },
  ) {
    this.#shared = shared
    this.#client = client
    this.#auth = options.auth
    this.#providerAuth = options.providerAuth
    this.#secret = options.secret
    if (typeof options.secret === 'string') this.#remember(options.secret)
    else if (typeof options.secret === 'object') for (const secret of options.secret) this.#remember(secret)
  }

  /** The same under another name of the client, for errors. */
  named(name: string): Credentials {
    const options = { auth: this.#auth, providerAuth: this.#providerAuth, secret: this.#secret }
    return new Credentials({ ...this.#client, name }, options, this.#shared)
  }

  /** The method at this server. */
  method(server: Server): ClientAuth {
    const supported = server.metadata.token_endpoint_auth_methods_supported
    return chooseClientAuth(
      this.#auth,
      this.#providerAuth,
      this.#secret !== undefined,
      Array.isArray(supported) ? supported : undefined,
    )
  }

  /** Everything about authenticating that can fail by itself: the secret is had and the authentication made. */
  async prepare(server: Server, parameters: URLSearchParams, secrets: Secrets): Promise<Attempt> {
    const method = this.method(server)
    const values = await this.#resolve(method)
    const first = this.#shared.first % values.length
    const attempt = async (place: number): Promise<Attempt> => ({
      authenticated: await this.#authenticate(method, values[place], server, parameters, secrets),
    })
    if (values.length === 1) return attempt(first)
    return {
      ...(await attempt(first)),
      next: () => {
        this.#shared.first = (first + 1) % values.length
        return attempt(this.#shared.first)
      },
    }
  }

  /** Also as the pair that stands, in base64, in an Authorization header. */
  #remember(secret: string): void {
    const { clientId, secrets } = this.#client
    secrets.add(secret, `${clientId}:${secret}`, `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`)
  }

  async #resolve(method: ClientAuth): Promise<readonly (string | undefined)[]> {
    const secret = this.#secret
    if (secret === undefined || method === 'none') return [undefined]
    if (typeof secret === 'string') return [secret]
    if (typeof secret !== 'function') return secret
    let value: unknown
    try {
      value = await secret()
    } catch (error) {
      throw new ConfigError(
        `The clientSecret function of client '${this.#client.name}' failed. It must answer the secret.`,
        { cause: this.#client.secrets.cause(error) },
      )
    }
    if (typeof value !== 'string' || (value === '' && needsSecret(method))) {
      throw new ConfigError(
        `The clientSecret function of client '${this.#client.name}' must answer a non-empty string, and answered ${value === '' ? 'an empty one' : value === null ? 'null' : typeof value}: is an environment variable unset?`,
      )
    }
    this.#remember(value)
    return [value]
  }

  async #authenticate(
    method: ClientAuth,
    clientSecret: string | undefined,
    server: Server,
    parameters: URLSearchParams,
    secrets: Secrets,
  ): Promise<Authenticated> {
    const headers = new Headers()
    const body = new URLSearchParams(parameters)
    try {
      await authenticate(method, {
        clientId: this.#client.clientId,
        ...(clientSecret === undefined ? {} : { clientSecret }),
        tokenEndpoint: server.tokenEndpoint,
        ...(server.issuer === undefined ? {} : { issuer: server.issuer }),
        headers,
        body,
      })
    } catch (error) {
      throw new ConfigError(`The clientAuth function of client '${this.#client.name}' failed.`, {
        cause: secrets.cause(error),
      })
    }
    secrets.add(headers.get('authorization')?.replace(/^\w+\s+/, ''))
    for (const name of SECRET_PARAMETERS) secrets.add(...body.getAll(name))
    return { headers, body }
  }
}
