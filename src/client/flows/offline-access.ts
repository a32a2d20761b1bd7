import type { Provider } from '../../model/provider.ts'
import { scopeList, type Params } from '../http/request-params.ts'
import type { Server } from '../server.ts'

/** OpenID Connect Core section 11. */
const OFFLINE_ACCESS = 'offline_access'

/** What an authorization request contains so that a refresh token is issued. */
interface OfflineAccess {
  readonly scope: readonly string[]
  readonly params: Params
  readonly consentParams: Params
}

const NOTHING: OfflineAccess = { scope: [], params: {}, consentParams: {} }

/**
 * Returns what offline access requires at a provider: what its data says, else scope `offline_access` with
 * `prompt=consent`. The latter applies if the server's metadata lists that scope and the request is one of OpenID
 * Connect.
 */
export function offlineAccessAt(
  provider: Provider,
  server: Server,
  scope: readonly string[] | undefined,
): OfflineAccess {
  const { offline, consentParams } = provider
  if (offline === 'none') return NOTHING
  if (offline !== undefined) {
    const own = scopeList(offline.scope, `offline.scope of provider '${provider.name}'`) ?? []
    return { scope: own, params: offline.params ?? {}, consentParams: consentParams ?? {} }
  }
  const supported = server.metadata.scopes_supported
  const listed = Array.isArray(supported) && supported.includes(OFFLINE_ACCESS)
  const asked = scope?.includes(OFFLINE_ACCESS) === true || (listed && scope?.includes('openid') === true)
  return {
    scope: asked ? [OFFLINE_ACCESS] : [],
    params: {},
    consentParams: consentParams ?? (asked && listed ? { prompt: 'consent' } : {}),
  }
}

/**
 * Returns the requested values that were not granted. Many servers do not repeat `offline_access` (a refresh token
 * shows it was granted). Some put the address of their API before a value, or change its case.
 */
export function missingScope(
  asked: readonly string[] | undefined,
  granted: readonly string[] | undefined,
): readonly string[] {
  // RFC 6749 section 5.1: without a scope in the response, the requested one was granted.
  if (asked === undefined || granted === undefined) return []
  const has = granted.map((value) => value.toLowerCase())
  return asked.filter((value) => {
    const wanted = value.toLowerCase()
    return wanted !== OFFLINE_ACCESS && !has.some((each) => each === wanted || isLongForm(each, wanted))
  })
}

/**
 * `https://graph.microsoft.com/Mail.Read` for `Mail.Read`, `https://www.googleapis.com/auth/userinfo.email` for
 * `email`.
 */
function isLongForm(granted: string, wanted: string): boolean {
  return granted.includes('://') && (granted.endsWith(`/${wanted}`) || granted.endsWith(`/userinfo.${wanted}`))
}
