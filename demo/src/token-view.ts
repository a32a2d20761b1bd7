import { createHash } from 'node:crypto'
import type { AccessToken } from 'evergrant'

/** A token as it may be shown: a change can be seen, nothing can be used. */
export interface TokenView {
  readonly access_token: string
  /** Twelve digits of its SHA-256. */
  readonly fingerprint: string
  readonly token_type: string
  /** Seconds. */
  readonly expires_in?: number
  readonly expires_at?: string
  readonly scope?: string
}

/** Shortens a token for showing. */
export function viewToken(token: AccessToken, now: number): TokenView {
  const { accessToken, expiresAt, scope, tokenType } = token
  return {
    access_token: shorten(accessToken),
    fingerprint: fingerprintOf(accessToken),
    token_type: tokenType,
    ...(expiresAt !== undefined && {
      expires_in: Math.max(0, Math.round((expiresAt - now) / 1000)),
      expires_at: new Date(expiresAt).toISOString(),
    }),
    ...(scope !== undefined && { scope: scope.join(' ') }),
  }
}

/** The first characters of a secret. */
export function shorten(secret: string): string {
  return `${secret.slice(0, 6)}…`
}

/** A short hash, by which two tokens can be told apart. */
export function fingerprintOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 12)
}
