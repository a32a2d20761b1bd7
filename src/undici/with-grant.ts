import { untilAborted } from '../client/http/deadline.ts'
import { ConfigError } from '../model/errors.ts'
import { ofAnotherCopy } from '../util/other-copy.ts'
import { ownBody } from '../fetch/own-body.ts'
import { isThenable } from '../util/promised.ts'
import { bearer, guardOf, type ResourceRules, type RulesOf } from '../fetch/resource-request.ts'
import { bindingOf } from '../fetch/session-binding.ts'
import type { TokenSource } from '../model/token-source.ts'
import type { AccessToken } from '../model/token.ts'
import { fail, type Dispatch, type DispatchHandler, type DispatchOptions, type Interceptor } from './dispatcher.ts'
import { FirstAttempt } from './first-attempt.ts'
import type { Sending } from './judging.ts'
import { LegacyFirstAttempt } from './legacy-first-attempt.ts'
import { abortSignalOf, Repeater, type SentRequest } from './repeater.ts'
import { copyHeaders, copyOfLists, setAuthorization } from './request-headers.ts'

/** Options of `withGrant`. */
export interface WithGrantOptions {
  /**
   * Where the token may be sent, as in a client's `resourceOrigins`. Required for sources that are not sessions, and
   * not allowed for a session, whose token is sent to its client's `resourceOrigins`.
   */
  readonly origins?: readonly string[] | undefined
  /**
   * Whether to refresh and retry once when a resource refuses the token: with a 401, or with a response that the
   * provider's `rejected` names. Only for bodies that can be sent again. @default the session's policy; true for other
   * sources
   */
  readonly retry401?: boolean | undefined
}

/**
 * Returns an interceptor for the `compose()` of undici's dispatchers (7 and newer) that works like `session.fetch`. It
 * sends the token with every request (RFC 6750 section 2.1), to the allowed origins only. On a 401 it asks for another
 * token and repeats the request once. A request's options are read at the call. Undici's `responseError` may be on
 * either side of it.
 *
 * Requests fail with ConfigError if they have an Authorization header or no origin, with OriginNotAllowedError, with
 * InsecureTransportError, and with what the source throws.
 * @throws ConfigError for an unusable source or unusable options
 */
export function withGrant(source: TokenSource, options: WithGrantOptions = {}): Interceptor {
  if (typeof source?.token !== 'function')
    throw new ConfigError('Expected the source of withGrant to be a session, or an object with a token() method.')
  const binding = bindingOf(source)
  const foreign = binding === undefined ? ofAnotherCopy(source) : undefined
  if (foreign !== undefined) throw new ConfigError(foreign)
  const rulesOf = resourceRules(binding?.rules, options.origins)
  const retry401 = options.retry401 ?? binding?.retry401 ?? true
  const urlOf = originReader()

  const intercept = (dispatch: Dispatch): Dispatch => {
    const repeater = new Repeater(dispatch, source)
    const send: Send = (request, handler, token, { rejected }) => {
      setAuthorization(request.headers, bearer(token))
      return dispatch(request, retry401 ? firstAttempt({ handler, repeater, request, token, rejected }) : handler)
    }
    return (sending, handler) => {
      let waiting: Waiting
      try {
        const request = ownOptions(sending)
        const url = urlOf(request)
        const rules = rulesOf()
        if (isThenable(rules)) {
          waiting = { request, handler, rules: Promise.resolve(rules).then((found) => checked(found, url)) }
        } else {
          const guarded = rules.assertResource(url)
          const token = guarded === undefined ? binding?.freshToken() : undefined
          if (token !== undefined) return send(request, handler, token, rules)
          waiting = { request, handler, rules: guarded === undefined ? rules : guarded.then(() => rules) }
        }
      } catch (error) {
        fail(handler, error)
        // There is no drain to wait for.
        return true
      }
      void sendLater(waiting, source, send)
      return true
    }
  }
  return intercept as Interceptor
}

type Send = (request: SentRequest, handler: DispatchHandler, token: AccessToken, rules: ResourceRules) => boolean

/** A request that has to wait for its token. */
interface Waiting {
  readonly request: SentRequest
  readonly handler: DispatchHandler
  /** Its rules, once it may be sent there. */
  readonly rules: ResourceRules | Promise<ResourceRules>
}

async function sendLater({ request, handler, rules }: Waiting, source: TokenSource, send: Send): Promise<void> {
  const { body } = request
  // A stream that breaks in the meantime must not end the process: undici notices it when it is sent.
  if (isEmitter(body)) body.on('error', () => undefined)
  const signal = abortSignalOf(request)
  try {
    const found = isThenable(rules) ? await untilAborted(rules, signal) : rules
    const token = await untilAborted(source.token(signal === undefined ? undefined : { signal }), signal)
    send(request, handler, token, found)
  } catch (error) {
    fail(handler, error)
  }
}

async function checked(rules: ResourceRules, url: URL): Promise<ResourceRules> {
  await rules.assertResource(url)
  return rules
}

function firstAttempt(sending: Sending): DispatchHandler {
  return typeof sending.handler.onConnect === 'function' ? new LegacyFirstAttempt(sending) : new FirstAttempt(sending)
}

function resourceRules(
  own: RulesOf<ResourceRules> | undefined,
  origins: readonly string[] | undefined,
): RulesOf<ResourceRules> {
  if (own === undefined && origins === undefined) {
    // An interceptor that follows redirects calls this again with any origin.
    throw new ConfigError(
      'withGrant needs origins for a source that is not a session. Name there where its token may be sent.',
    )
  }
  if (own !== undefined && origins !== undefined) {
    throw new ConfigError(
      "A session's token is sent to its client's resourceOrigins. Set them there, not in withGrant.",
    )
  }
  if (own !== undefined) return own
  const rules: ResourceRules = { assertResource: guardOf(origins, 'withGrant'), rejected: undefined }
  return () => rules
}

/** Copies a request's options: later changes by their owner affect neither the first attempt nor a repeat. */
function ownOptions(sending: DispatchOptions): SentRequest {
  const own: Record<string, unknown> = { ...sending }
  const { body, origin, query } = own
  own['headers'] = copyHeaders(own['headers'])
  if (typeof origin === 'object' && origin !== null) own['origin'] = (origin as URL).toString()
  if (typeof body === 'object') own['body'] = ownBody(body)
  if (typeof query === 'object' && query !== null) own['query'] = copyOfLists({ ...query })
  return own as unknown as SentRequest
}

/** Reads where a request goes. The origin of the previous one is known already. */
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
