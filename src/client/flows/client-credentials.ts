import { ConfigError } from '../../model/errors.ts'
import { makeToken, type Token } from '../../model/token.ts'
import { authMethodAt } from '../authentication.ts'
import { withinTimeout, type ClientContext } from '../context.ts'
import { addParams, RESERVED_FOR_TOKENS, scopeList, type Params } from '../http/request-params.ts'
import { prepareTokenRequest, salvageFirst } from '../endpoints/token.ts'

/** Options of one client credentials request. */
export interface ClientCredentialsOptions {
  /** Scope to request. @default the client's scope */
  readonly scope?: string | readonly string[] | undefined
  /** More parameters of the token request, such as `audience` or `resource`. */
  readonly params?: Params | undefined
  readonly signal?: AbortSignal | undefined
}

/** Requests a token of the client's own (RFC 6749 section 4.4). */
export async function requestClientCredentials(
  context: ClientContext,
  options: ClientCredentialsOptions = {},
): Promise<Token> {
  const scope = scopeList(options.scope, 'scope') ?? context.scope
  const parameters = new URLSearchParams()
  addParams(parameters, options.params, RESERVED_FOR_TOKENS, 'params of the client credentials request')
  if (scope !== undefined) parameters.set('scope', scope.join(context.provider.scopeSeparator ?? ' '))
  const server = await context.directory.server(options.signal)
  if (authMethodAt(server, context.credentials) === 'none') {
    throw new ConfigError(
      `Client '${context.name}' has no credentials of its own. Pass a clientSecret or a clientAuth function.`,
    )
  }
  const request = await prepareTokenRequest(context, server, {
    grantType: 'client_credentials',
    parameters,
    repeatable: true,
    renewable: true,
    salvage: salvageFirst(context),
  })
  const { token } = await withinTimeout(context, 'client credentials request', options.signal, (signal) =>
    request({ signal }),
  )
  // RFC 6749 section 4.4.3: such a token is refreshed by a new request, so a refresh token has no use here.
  return makeToken({ ...token, refreshToken: undefined, refreshTokenExpiresAt: undefined, scope: token.scope ?? scope })
}
