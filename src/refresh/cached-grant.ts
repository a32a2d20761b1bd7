import type { GrantRecord } from '../stores/store.ts'
import { accessTokenOf, type AccessToken, type Token } from '../model/token.ts'

/** What this process knows of a grant. */
export interface CachedGrant {
  readonly record: GrantRecord
  /** In this process's time. Absent for a grant that was not obtained yet. */
  readonly token: Token | undefined
  readonly access: AccessToken | undefined
  /** The same resolved promise for every caller while the token is fresh. */
  readonly answer: Promise<AccessToken> | undefined
  /** Whether the token still waits to be saved. The record is then the one that it will replace. */
  readonly unsaved: boolean
}

/** Makes a cached grant. `handOut` names the members of the token's `extra` that callers get. */
export function hold(
  record: GrantRecord,
  token: Token | undefined,
  handOut: readonly string[] | undefined,
  unsaved = false,
): CachedGrant {
  const access = token === undefined ? undefined : accessTokenOf(token, handOut)
  return { record, token, access, answer: access === undefined ? undefined : Promise.resolve(access), unsaved }
}

/** Names the cached version, to detect whether it has changed. */
export function versionOf(held: { readonly record: GrantRecord } | undefined): string | undefined {
  return held === undefined ? undefined : `${held.record.id} ${held.record.version}`
}

export function sameVersion(
  a: { readonly record: GrantRecord } | undefined,
  b: { readonly record: GrantRecord } | undefined,
): boolean {
  return a?.record.id === b?.record.id && a?.record.version === b?.record.version
}
