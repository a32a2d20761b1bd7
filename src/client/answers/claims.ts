import { fromBase64Url } from '../../util/base64.ts'

/** The claims of an ID token, unchecked. */
export type Claims = Readonly<Record<string, unknown>>

/** Reads the claims of an ID token unchanged. Returns undefined if it cannot be read. */
export function readClaims(idToken: string | undefined): Claims | undefined {
  const parts = idToken?.split('.')
  if (parts?.length !== 3) return undefined
  try {
    const claims: unknown = JSON.parse(fromBase64Url(parts[1] ?? '') ?? '')
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Claims) : undefined
  } catch {
    return undefined
  }
}
