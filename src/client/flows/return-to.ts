import { ConfigError } from '../../model/errors.ts'

/**
 * Checks where a log-in may return to: a path of this site, so that nobody is sent elsewhere by a crafted link
 * (RFC 9700 section 4.11). Refuses `//evil`, `https:evil`, `\\evil` and everything else that a browser takes for another site.
 * @throws ConfigError
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
      "Expected returnTo to be a path of this site, such as '/settings': it must begin with one '/' and name no host.",
    )
  }
  return returnTo
}
