import type { Attributes } from '@opentelemetry/api'
import { isEvergrantError, TokenRequestError } from '../model/errors.ts'
import { OAUTH_ERRORS } from '../model/oauth-errors.ts'
import type { ActivityResult } from '../model/observer.ts'

/** Names of attributes that belong to no convention. */
export const CLIENT = 'evergrant.client'
export const SUBJECT = 'evergrant.subject'
export const ACCOUNT = 'evergrant.account'
export const CAUSE = 'evergrant.cause'
export const OUTCOME = 'evergrant.outcome'
export const REASON = 'evergrant.reason'
export const STATE = 'evergrant.state'
export const JOINED = 'evergrant.joined'
export const GRANT_TYPE = 'evergrant.grant_type'

/** Of the general conventions: the class of an error, of which there must be few. */
const ERROR_TYPE = 'error.type'
const OTHER = '_OTHER'

/**
 * The class of an error: a registered OAuth code, `refused` for a refusal without one, or the library's code. Other
 * codes of providers could be any text, and there could be any number of them.
 */
function errorTypeOf(error: unknown): string {
  if (error instanceof TokenRequestError) {
    if (error.error === undefined) return 'refused'
    return OAUTH_ERRORS.has(error.error) ? error.error : OTHER
  }
  return isEvergrantError(error) ? error.code : OTHER
}

/** The class of the error that an activity ended with, if any. */
export function errorAttributes({ error, outcome, reason, status }: ActivityResult): Attributes {
  if (outcome === 'ended') return { [ERROR_TYPE]: 'reauthorization_required', ...(reason && { [REASON]: reason }) }
  if (outcome === 'timeout') return { [ERROR_TYPE]: 'refresh_timeout' }
  // By the conventions for HTTP, a status is the class of the error of its request.
  if (status !== undefined && status >= 400) return { [ERROR_TYPE]: String(status) }
  return error === undefined ? {} : { [ERROR_TYPE]: errorTypeOf(error) }
}
