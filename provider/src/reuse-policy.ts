/**
 * What a provider with rotation does with a refresh token that was already redeemed:
 * - `'revoke'`: ends the whole grant with its newest tokens (RFC 9700, section 4.14.2);
 * - `'refuse'`: responds with `invalid_grant`, and the grant does not end;
 * - a number: the grace period after the first redemption, in ms. During it, each repeat returns another refresh
 *   token of the same grant, and all of them are valid. A later repeat ends the grant.
 */
export type ReusePolicy = 'revoke' | 'refuse' | number

/** What the provider does with one redeemed refresh token that is sent again. */
export type ReuseVerdict = 'accept' | 'refuse' | 'revoke'

/** Applies the policy to a token that was first redeemed `elapsedMs` ago. */
export function judgeReuse(policy: ReusePolicy, elapsedMs: number): ReuseVerdict {
  if (typeof policy === 'string') return policy
  return elapsedMs <= policy ? 'accept' : 'revoke'
}
