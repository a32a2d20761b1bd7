import { randomBytes } from 'node:crypto'

const text = (bytes: number): string => randomBytes(bytes).toString('base64url')

/** What is sealed of one grant, of about the size of what Google answers: 1.5 KB. */
export function realisticRecord(): string {
  const now = Date.now()
  return JSON.stringify({
    v: 1,
    token: {
      accessToken: `ya29.${text(160)}`,
      tokenType: 'bearer',
      receivedAt: now,
      expiresAt: now + 3_599_000,
      refreshToken: `1//${text(75)}`,
      scope: ['openid', 'https://www.googleapis.com/auth/userinfo.email', 'https://www.googleapis.com/auth/calendar'],
      idToken: `${text(82)}.${text(360)}.${text(256)}`,
    },
  })
}
