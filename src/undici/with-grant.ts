import { ConfigError } from '../errors.ts'
import { bearer, guardOf, type ResourceGuard } from '../resource-request.ts'
import { bindingOf } from '../session.ts'
import type { TokenSource } from '../token-source.ts'
import type { AccessToken } from '../token.ts'
import { fail, type Dispatch, type DispatchHandler, type DispatchOptions, type Interceptor } from './dispatcher.ts'
import { FirstAttempt } from './first-attempt.ts'
import { LegacyFirstAttempt } from './legacy-first-attempt.ts'
import { abortSignalOf, Repeater, type SentRequest } from './repeater.ts'
import { copyHeaders, setAuthorization } from './request-headers.ts'

/** How `withGrant` sends. */
export interface WithGrantOptions {
  /** Where the token may be sent, as in a client's `resourceOrigins`: for sources that are no session, and needed for them. A session's token goes to its client's `resourceOrigins`. */
  readonly origins?: readonly string[]
  /** One refresh and one retry when a resource answers 401, for bodies that can be sent again. @default the session's policy; true for other sources */
  readonly retry401?: boolean
}

/**
 * An interceptor for the `compose()` of undici's dispatchers (7 and newer) that does what `session.fetch` does: it sends the token with every request
 * (RFC 6750 section 2.1), to the allowed origins only, and on a 401 asks for another one and repeats the request once.
 *
 * Requests fail with ConfigError when they have an Authorization header of their own or no origin, OriginNotAllowedError, InsecureTransportError,
 * and what the source throws.
 * @throws ConfigError
 */
export function withGrant(source: TokenSource, options: WithGrantOptions = {}): Interceptor {
  if (typeof source?.token !== 'function') throw new ConfigError('withGrant needs a session.')
  const binding = bindingOf(source)
  const guard = resourceGuard(binding?.guard, options.origins)
  const retry401 = options.retry401 ?? binding?.retry401 ?? true
  const url = originReader()

  const intercept = (dispatch: Dispatch): Dispatch => {
    const repeater = new Repeater(dispatch, source)
    const send = (request: SentRequest, handler: DispatchHandler, token: AccessToken): boolean => {
      setAuthorization(request.headers, bearer(token))
      return dispatch(request, retry401 ? firstAttempt(handler, repeater, request, token) : handler)
    }
    return (sending, handler) => {
      let request: SentRequest
      let guarded: void | Promise<void>
      let token: AccessToken | undefined
      try {
        request = { ...sending, headers: copyHeaders(sending.headers) }
        guarded = guard(url(sending))
        token = guarded === undefined ? binding?.freshToken() : undefined
      } catch (error) {
        fail(handler, error)
        // There is no drain to wait for.
        return true
      }
      if (token !== undefined) return send(request, handler, token)
      void sendLater(request, handler, guarded, source, send)
      return true
    }
  }
  return intercept as Interceptor
}

/** Sends a request that has to wait for its token. */
async function sendLater(
  request: SentRequest,
  handler: DispatchHandler,
  guarded: void | Promise<void>,
  source: TokenSource,
  send: (request: SentRequest, handler: DispatchHandler, token: AccessToken) => boolean,
): Promise<void> {
  const { body } = request
  // A stream that breaks meanwhile must not end the process: undici sees it when it is sent.
  if (isEmitter(body)) body.on('error', () => undefined)
  const signal = abortSignalOf(request)
  try {
    await guarded
    send(request, handler, await source.token(signal === undefined ? undefined : { signal }))
  } catch (error) {
    fail(handler, error)
  }
}

function firstAttempt(
  handler: DispatchHandler,
  repeater: Repeater,
  request: SentRequest,
  token: AccessToken,
): DispatchHandler {
  return typeof handler.onConnect === 'function'
    ? new LegacyFirstAttempt(handler, repeater, request, token)
    : new FirstAttempt(handler, repeater, request, token)
}

function resourceGuard(own: ResourceGuard | undefined, origins: readonly string[] | undefined): ResourceGuard {
  if (own === undefined && origins === undefined) {
    // An interceptor that follows redirects comes here again with any origin.
    throw new ConfigError('withGrant needs origins for a source that is not a session: where its token may be sent.')
  }
  if (own !== undefined && origins !== undefined) {
    throw new ConfigError("A session's token goes to its client's resourceOrigins: set them there, not in withGrant.")
  }
  return own ?? guardOf(origins, 'withGrant')
}

/** Reads where a request goes; the origin of the one before is known already. */
function originReader(): (request: DispatchOptions) => URL {
  let known = ''
  let url: URL | undefined
  return ({ origin }) => {
    if (origin === undefined || origin === null) {
      throw new ConfigError('The request has no origin. Give it one: only an Agent takes it from the URL.')
    }
    const text = String(origin)
    if (url !== undefined && text === known) return url
    if (!URL.canParse(text)) throw new ConfigError(`Expected the request's origin to be a URL, got '${text}'.`)
    known = text
    return (url = new URL(text))
  }
}

function isEmitter(body: unknown): body is { on(event: 'error', listener: () => void): void } {
  return typeof (body as { on?: unknown } | null | undefined)?.on === 'function'
}
