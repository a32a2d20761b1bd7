import type { Provider } from '../../model/provider.ts'
import { scopeList, type Params } from '../http/request-params.ts'
import type { Server } from '../server.ts'

/** OpenID Connect Core section 11. */
const OFFLINE_ACCESS = 'offline_access'

/** What an authorization request has in it so that a refresh token comes. */
interface OfflineAccess {
  readonly scope: readonly string[]
  readonly params: Params
  readonly consentParams: Params
}

const NOTHING: OfflineAccess = { scope: [], params: {}, consentParams: {} }

/**
 * What offline access takes at a provider: what its data says; else scope `offline_access` with `prompt=consent` where the server's metadata lists that scope and the
 * request is one of OpenID Connect, whose scope it is.
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
 * What of the asked scope was not granted. Many servers don't repeat `offline_access` (whether a refresh token came shows that), and some name a value with the
 * address of its API before it, or in another case.
 */
export function missingScope(
  asked: readonly string[] | undefined,
  granted: readonly string[] | undefined,
): readonly string[] {
  // RFC 6749 section 5.1: without a scope in the answer the asked one was granted.
  if (asked === undefined || granted === undefined) return []
  const has = granted.map((value) => value.toLowerCase())
  return asked.filter((value) => {
    const wanted = value.toLowerCase()
    return wanted !== OFFLINE_ACCESS && !has.some((each) => each === wanted || isLongForm(each, wanted))
  })
}

/** `https://graph.microsoft.com/Mail.Read` for `Mail.Read`, `https://www.googleapis.com/auth/userinfo.email` for `email`. */
function isLongForm(granted: string, wanted: string): boolean {
  return granted.includes('://') && (granted.endsWith(`/${wanted}`) || granted.endsWith(`/userinfo.${wanted}`))
}
