import { CallbackError, ConfigError } from '../model/errors.ts'
import type { Provider } from '../model/provider.ts'
import type { Token } from '../model/token.ts'
import type { ClientContext } from './context.ts'
import type { Server } from './server.ts'

/**
 * Member of a token's `extra` with the origin where its tokens are requested, refreshed and revoked, if a callback
 * named one. It is sealed with the grant.
 */
export const TOKEN_ORIGIN = 'evergrant:token_origin'

/**
 * Returns the origin that a callback names for its tokens. Undefined if the provider has one place for all, or the
 * callback names none.
 * @throws CallbackError for an origin that the provider's data does not allow
 */
export function originOfCallback(context: ClientContext, parameters: URLSearchParams): string | undefined {
  const { tokenOriginFrom } = context.provider
  const named = tokenOriginFrom === undefined ? null : parameters.get(tokenOriginFrom.param)
  if (tokenOriginFrom === undefined || named === null || named === '') return undefined
  const origin = allowedOrigin(context.provider, named)
  if (origin !== undefined) return origin
  throw new CallbackError(
    'issuer_mismatch',
    `The callback's ${tokenOriginFrom.param} names an origin at which this provider has no tokens: it is not in tokenOriginFrom.allowed.`,
  )
}

/**
 * Returns the client's context and the server for one grant.
 * @throws ConfigError for a grant of an origin that is no longer allowed: its tokens are not sent elsewhere
 */
export function placeOfGrant(
  context: ClientContext,
  server: Server,
  token: Pick<Token, 'extra'> | undefined,
): { readonly context: ClientContext; readonly server: Server } {
  const sealed = token?.extra?.[TOKEN_ORIGIN]
  if (sealed === undefined) return { context, server }
  const origin = typeof sealed === 'string' ? allowedOrigin(context.provider, sealed) : undefined
  if (origin !== undefined) return placeAt(context, server, origin)
  throw new ConfigError(
    `The grant's tokens came from ${typeof sealed === 'string' ? sealed : 'an unknown origin'}, which is not in tokenOriginFrom.allowed of the provider of client '${context.name}'. They were not used. Add the origin, or send the user through the login again.`,
  )
}

/** Returns the same with every endpoint at `origin` that is where the token endpoint is. */
export function placeAt(
  context: ClientContext,
  server: Server,
  origin: string,
): { readonly context: ClientContext; readonly server: Server } {
  const from = new URL(server.tokenEndpoint).origin
  const moved = (url: string): string => {
    const parsed = URL.canParse(url) ? new URL(url) : undefined
    return parsed?.origin === from ? origin + parsed.pathname + parsed.search : url
  }
  const metadata = { ...server.metadata }
  for (const [name, value] of Object.entries(server.metadata)) {
    if (name.endsWith('_endpoint') && typeof value === 'string') Object.assign(metadata, { [name]: moved(value) })
  }
  const tokenEndpoint = moved(server.tokenEndpoint)
  const { refreshEndpoint } = context.provider
  return {
    context:
      refreshEndpoint === undefined
        ? context
        : { ...context, provider: { ...context.provider, refreshEndpoint: moved(refreshEndpoint) } },
    server: {
      ...server,
      metadata,
      tokenEndpoint,
      as: { ...server.as, ...metadata, issuer: server.as.issuer, token_endpoint: tokenEndpoint } as Server['as'],
    },
  }
}

function allowedOrigin({ tokenOriginFrom }: Provider, named: string): string | undefined {
  if (!URL.canParse(named)) return undefined
  const { origin, username, password } = new URL(named)
  if (username !== '' || password !== '') return undefined
  return tokenOriginFrom?.allowed.some((each) => new URL(each).origin === origin) === true ? origin : undefined
}
