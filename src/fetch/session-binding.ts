import type { FetchRules, RulesOf } from './resource-request.ts'
import type { TokenSource } from '../model/token-source.ts'
import type { AccessToken } from '../model/token.ts'

/** What a sender of requests needs of a session in addition to its tokens. Not public. */
export interface SessionBinding {
  /** Returns the token if it is fresh, without a promise. */
  freshToken(): AccessToken | undefined
  /** The client's rules about requests. A promise if the client has to be looked up. */
  readonly rules: RulesOf<FetchRules>
  readonly retry401: boolean
}

let read: (source: TokenSource) => SessionBinding | undefined = () => undefined

/** Called by the class of sessions: sets the function that reads the binding of its objects. */
export function readBindingsBy(reader: (source: TokenSource) => SessionBinding | undefined): void {
  read = reader
}

/**
 * Returns the binding of a session; undefined for every other source. Not public: the package's entry does not export
 * it.
 */
export function bindingOf(source: TokenSource): SessionBinding | undefined {
  return read(source)
}
