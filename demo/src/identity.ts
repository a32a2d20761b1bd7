import type { OAuth2Client, Token } from 'evergrant'
import type { User } from './web/web-session.ts'

/** Who has logged in: by the ID token, which the library has checked, else by asking the provider. */
export async function identify(client: OAuth2Client, token: Token): Promise<User> {
  const claims = token.idToken === undefined ? await client.userInfo(token) : claimsOf(token.idToken)
  const { sub, name, email } = claims
  if (typeof sub !== 'string') throw new TypeError('Expected the provider to name the user with a `sub`.')
  return {
    sub,
    name: typeof name === 'string' ? name : sub,
    email: typeof email === 'string' ? email : undefined,
  }
}

function claimsOf(idToken: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = idToken.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
}
