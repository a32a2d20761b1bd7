import { checkReturnTo } from '../client/flows/return-to.ts'
import { missingScope } from '../client/flows/offline-access.ts'
import { TOKEN_ORIGIN } from '../client/token-origin.ts'
import type { Token } from '../model/token.ts'
import { claimsOf, type Identity } from '../refresh/identity.ts'
import { statusOf } from '../refresh/status.ts'
import type { GrantRecord } from '../stores/store.ts'
import type { Begun } from './attempt.ts'
import type { LoginResult } from './login.ts'

/** Returns what the caller learns of a login whose grant is stored. */
export function loginResultOf(
  { returnTo, scope: asked = [] }: Begun,
  { record, token, now }: { readonly record: GrantRecord; readonly token: Token; readonly now: number },
  {
    identity,
    identityChanged,
    repeated,
  }: Pick<LoginResult, 'repeated' | 'identityChanged'> & { readonly identity: Identity | undefined },
): LoginResult {
  const { scope } = token
  const { [TOKEN_ORIGIN]: _, ...extra } = token.extra ?? {}
  const claims = claimsOf(token)
  return {
    key: record.key,
    status: statusOf(record, now),
    ...(identity !== undefined && { identity }),
    ...(claims !== undefined && { claims }),
    extra: Object.freeze(extra),
    ...(scope !== undefined && { scope }),
    missingScope: missingScope(asked, scope),
    renewable: record.renewable,
    repeated,
    identityChanged,
    ...(returnTo !== undefined && { returnTo: checkReturnTo(returnTo) }),
  }
}
