import { ConfigError } from '../../model/errors.ts'

/**
 * Checks where a login may return to: a path of this site, so that a crafted link sends no user elsewhere (RFC 9700
 * section 4.11). Refuses `//evil`, `https:evil`, `\\evil` and everything else that a browser reads as another site.
 * @throws ConfigError for anything else
 */
export function checkReturnTo(returnTo: string): string {
  const base = 'https://site.invalid'
  const local =
    returnTo.startsWith('/') &&
    !returnTo.includes('\\') &&
    URL.canParse(returnTo, base) &&
    new URL(returnTo, base).origin === base
  if (!local) {
    throw new ConfigError(
      "Expected returnTo to be a path of this site, such as '/settings'. Start it with one '/' and name no host.",
    )
  }
  return returnTo
}
