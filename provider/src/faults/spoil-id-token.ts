import { signJwt, type SigningKey } from '../keys.ts'
import type { IdTokenFlaw } from './fault.ts'

/** The claims that make a token wrong, by its flaw. */
const wrongClaims: Readonly<
  Record<Exclude<IdTokenFlaw, 'unparsable' | 'signature'>, () => Readonly<Record<string, unknown>>>
> = {
  issuer: () => ({ iss: 'https://other-issuer.example' }),
  audience: () => ({ aud: 'another-client' }),
  subject: () => ({ sub: 'somebody-else' }),
  expired: () => ({ exp: Math.floor(Date.now() / 1000) - 3600 }),
}

/** Returns an ID token with the flaw, made from a good one or from nothing if the response had none. */
export function spoilIdToken(idToken: unknown, flaw: IdTokenFlaw, key: SigningKey): string {
  if (flaw === 'unparsable') return 'this-is-no-id-token'
  const claims = claimsIn(idToken)
  if (flaw === 'signature') return withBrokenSignature(signJwt(key, claims))
  return signJwt(key, { ...claims, ...wrongClaims[flaw]() })
}

function claimsIn(idToken: unknown): Record<string, unknown> {
  const payload = typeof idToken === 'string' ? idToken.split('.')[1] : undefined
  if (payload === undefined) return {}
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>
}

function withBrokenSignature(jwt: string): string {
  const start = jwt.lastIndexOf('.') + 1
  const signature = Buffer.from(jwt.slice(start), 'base64url')
  return jwt.slice(0, start) + Buffer.from(signature.map((byte) => byte ^ 0xff)).toString('base64url')
}
