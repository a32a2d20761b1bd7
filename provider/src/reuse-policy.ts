/**
 * What a rotating provider does with a refresh token that was already redeemed:
 * - `'revoke'`: the whole grant ends, its newest tokens included (the strict rule of RFC 9700, section 4.14.2);
 * - `'refuse'`: `invalid_grant`, and the grant lives on;
 * - a number of milliseconds: so long after its first redemption the token is accepted again, each time answered
 *   with a further refresh token of the same grant, all of them valid; later than that the grant is revoked.
 */
export type ReusePolicy = 'revoke' | 'refuse' | number

/** What becomes of one redeemed refresh token that is presented again. */
export type ReuseVerdict = 'accept' | 'refuse' | 'revoke'

/** Applies the policy to a token that was first redeemed `elapsedMs` ago. */
export function judgeReuse(policy: ReusePolicy, elapsedMs: number): ReuseVerdict {
  if (typeof policy === 'string') return policy
  return elapsedMs <= policy ? 'accept' : 'revoke'
}
