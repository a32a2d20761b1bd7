/** A request as the scripted provider received it. */
export interface ScriptedRequest {
  readonly endpoint: 'metadata' | 'token' | 'revocation' | 'introspection' | 'userinfo' | 'resource'
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** The form in its body. */
  readonly params: URLSearchParams
}

/**
 * How a token request is handled instead of by the rules:
 * - `unreachable`: the connection is refused, nothing was sent
 * - `request_lost`: the connection breaks before the request is processed
 * - `answer_lost`: it is processed by the rules, then the connection breaks; the client cannot distinguish this from
 *   `request_lost`
 * - `hang`: no response, until the caller gives up
 * - a response; a `body` that is an object is sent as JSON
 * - a function that returns one of these, or a `Response`; `byRules` responds by the rules
 */
export type ScriptedAnswer =
  | 'unreachable'
  | 'request_lost'
  | 'answer_lost'
  | 'hang'
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | object }
  | ScriptedAnswerFunction

/** Makes a response for a request. */
export type ScriptedAnswerFunction = (
  request: ScriptedRequest,
  byRules: () => Promise<Response>,
) => Response | ScriptedAnswer | Promise<Response | ScriptedAnswer>
