import type { AccessToken, GrantStatus } from 'evergrant'
import { fingerprintOf, shorten } from '../token-view.ts'

/** A token's life; times in milliseconds since the epoch. */
export interface TokenLife {
  /** Its first characters. */
  readonly shown: string
  readonly fingerprint: string
  readonly receivedAt: number
  /** From here on it is renewed in the background. */
  readonly earlyAt: number
  /** From here on callers wait for a new one. */
  readonly spentAt: number
  readonly expiresAt: number
}

/** The library's default margin before expiry, which its status does not tell: ten seconds, at most a twentieth. */
const spentMs = 10_000
const spentShare = 0.05

/** When a token passes from fresh to early to spent; undefined when its lifetime is unknown. */
export function lifeOf(token: AccessToken, status: GrantStatus): TokenLife | undefined {
  const { accessToken, expiresAt } = token
  if (expiresAt === undefined) return undefined
  const receivedAt = status.lastRefreshedAt ?? status.createdAt
  const spentAt = expiresAt - Math.min(spentMs, (expiresAt - receivedAt) * spentShare)
  return {
    shown: shorten(accessToken),
    fingerprint: fingerprintOf(accessToken),
    receivedAt,
    earlyAt: status.nextRefreshAt ?? spentAt,
    spentAt,
    expiresAt,
  }
}
