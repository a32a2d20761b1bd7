import {
  AuthorizationError,
  CallbackError,
  type CallbackErrorCode,
  DiscoveryError,
  isEvergrantError,
  type EvergrantError,
} from '../model/errors.ts'
import type { PageCode } from './pages/content.ts'
import type { Message } from './respond.ts'

type Problem = Pick<Message, 'status' | 'code' | 'detail' | 'headers'>

const CALLBACKS: { readonly [K in CallbackErrorCode]?: readonly [status: number, code: PageCode] } = {
  already_used: [400, 'already_used'],
  expired_login: [400, 'expired_login'],
  refused: [403, 'refused'],
  state_mismatch: [400, 'state_mismatch'],
  wrong_subject: [400, 'wrong_subject'],
}

/** Failures of the store and of the keys. */
const STORE = new Set(['store_error', 'seal_error', 'unreadable_record'])
/** Failures of the provider. */
const PROVIDER = new Set(['token_request_error', 'token_response_error', 'discovery_error'])

/**
 * Returns what to say about an error that a browser or a provider caused. Undefined for mistakes of the application,
 * and for errors of its own functions.
 */
export function problemOf(error: unknown): Problem | undefined {
  if (!isEvergrantError(error)) return undefined
  if (error instanceof AuthorizationError) return ofProvider(error)
  if (error instanceof CallbackError) return ofCallback(error)
  if (error.code === 'provider_unavailable' || (error instanceof DiscoveryError && error.retryable))
    return later('unavailable', error)
  if (STORE.has(error.code)) return later('store_error', error)
  return PROVIDER.has(error.code) ? { status: 502, code: 'failed', detail: error.message } : undefined
}

function ofProvider({ error, errorDescription }: AuthorizationError): Problem {
  if (error === 'access_denied') return { status: 403, code: 'access_denied' }
  const detail = errorDescription === undefined ? error : `${error}: ${errorDescription}`
  return { status: 502, code: 'authorization_error', detail }
}

function ofCallback(error: CallbackError): Problem {
  // A repeated callback of a login that failed shows why it failed.
  const first = error.code === 'already_used' && error.cause !== undefined ? problemOf(error.cause) : undefined
  if (first !== undefined) return first
  const [status, code] = CALLBACKS[error.code] ?? []
  if (status === undefined || code === undefined)
    return { status: 400, code: 'invalid_callback', detail: error.message }
  return { status, code }
}

function later(code: PageCode, { message, retryAfterMs }: EvergrantError): Problem {
  const headers = retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }
  return { status: 503, code, detail: message, headers }
}
