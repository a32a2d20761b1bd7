import { checkedKey } from '../model/check-key.ts'
import { pathOf, type Site } from './public-url.ts'
import { safeReturnTo } from './return-to.ts'
import type { NamedClient, Web } from './web.ts'

/** What a start is asked for. */
export interface StartParams {
  readonly returnTo?: string | undefined
  readonly scope?: readonly string[] | undefined
  readonly account?: string | undefined
  readonly popup?: string | undefined
  readonly origin?: string | undefined
  /** Whether the user clicked after two logins in a row. */
  readonly isConfirmed?: boolean | undefined
}

/** Returns the path that starts a login. */
export function startPath(site: Site, client: string, params: StartParams = {}): string {
  const { account, isConfirmed, origin, popup, returnTo, scope } = params
  return pathOf(site, client, '', {
    return_to: returnTo,
    scope: scope?.join(' '),
    account,
    popup,
    origin,
    go: isConfirmed === true ? '1' : undefined,
  })
}

/** Reads the parameters, or returns the code of what is wrong with them. */
export function readParams(web: Web, { searchParams }: URL, client: NamedClient): StartParams | ParamsRefusal {
  const given = (name: string): string | undefined => searchParams.get(name) || undefined
  const wanted = given('return_to')
  const returnTo = wanted === undefined ? undefined : safeReturnTo(wanted)
  if (wanted !== undefined && returnTo === undefined) return 'invalid_return_to'
  const scope = given('scope')?.split(/\s+/).filter(Boolean)
  const allowed = allowedScope(web, client)
  if (scope?.some((value) => !allowed.has(value))) return 'invalid_scope'
  const account = given('account')
  if (account !== undefined && !fitsKey(client.name, account)) return 'not_found'
  const origin = given('origin')
  const isAllowed = origin !== undefined && web.options.popupOrigins?.includes(origin) === true
  return {
    returnTo,
    scope,
    account,
    popup: given('popup')?.slice(0, LONGEST_PARAM),
    origin: isAllowed ? origin : undefined,
    isConfirmed: searchParams.get('go') === '1',
  }
}

/** Code of what is wrong with the parameters. */
export type ParamsRefusal = 'invalid_return_to' | 'invalid_scope' | 'not_found'

const LONGEST_PARAM = 64
/** Room for the application's own user id in a key. */
const ROOM_FOR_SUBJECT = 'x'.repeat(200)

function fitsKey(client: string, account: string): boolean {
  try {
    checkedKey(client, ROOM_FOR_SUBJECT, account)
    return true
  } catch {
    return false
  }
}

/** Returns the scope that `?scope=` may request: a crafted link must not widen a grant. */
export function allowedScope({ options }: Web, { core, name }: NamedClient): ReadonlySet<string> {
  const more = Object.hasOwn(options.scopes ?? {}, name) ? options.scopes?.[name] : undefined
  return new Set([...(core.scope ?? []), ...(more ?? [])])
}
