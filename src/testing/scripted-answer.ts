/** A request as the scripted provider saw it. */
export interface ScriptedRequest {
  readonly endpoint: 'metadata' | 'token' | 'revocation' | 'introspection' | 'userinfo' | 'resource'
  readonly method: string
  readonly url: string
  readonly headers: Headers
  /** The form in its body. */
  readonly params: URLSearchParams
}

/**
 * How a token request is answered, beside the rules:
 * - `unreachable`: the connection is refused, nothing was sent
 * - `request_lost`: the connection breaks before the request is processed
 * - `answer_lost`: it is processed by the rules, then the connection breaks: the client can't tell this from `request_lost`
 * - `hang`: no answer, until the caller gives up
 * - an answer; a `body` that is an object is sent as JSON
 * - a function that answers one of these, or a `Response`; `byRules` answers by the rules
 */
export type ScriptedAnswer =
  | 'unreachable'
  | 'request_lost'
  | 'answer_lost'
  | 'hang'
  | { readonly status?: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | object }
  | ScriptedAnswerFunction

/** Makes an answer of a request. */
export type ScriptedAnswerFunction = (
  request: ScriptedRequest,
  byRules: () => Promise<Response>,
) => Response | ScriptedAnswer | Promise<Response | ScriptedAnswer>
