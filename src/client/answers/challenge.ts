/**
 * Errors of a 401 that another access token of the same grant does not fix (RFC 9470 section 3, RFC 6750 section 3.1).
 */
const BEYOND_REFRESH: ReadonlySet<string> = new Set([
  'insufficient_user_authentication',
  'insufficient_claims',
  'insufficient_scope',
])

/** Whether any challenge of a 401 says that no refresh fixes it. */
export function isBeyondRefresh(challenges: string | null | undefined): boolean {
  if (challenges === null || challenges === undefined || !/error/i.test(challenges)) return false
  return challengeErrors(challenges).some((error) => BEYOND_REFRESH.has(error.toLowerCase()))
}

/** A quoted string, or a name, a scheme or an unquoted value: RFC 9110 sections 5.6 and 11.2. */
const PART = /"((?:[^"\\]|\\.)*)(?:"|\\?$)|[^\s",=]+|=/gsy

/**
 * Reads the values of `error` in the challenges of a WWW-Authenticate header (RFC 9110 section 11.6.1), of any scheme.
 */
function challengeErrors(header: string): string[] {
  const errors: string[] = []
  let before = ''
  let name: string | undefined
  PART.lastIndex = 0
  while (PART.lastIndex < header.length) {
    const start = PART.lastIndex
    const match = PART.exec(header)
    if (match === null) {
      // A space or a comma. A parameter's name and value may have spaces around their `=`.
      if (header[start] === ',') {
        before = ''
        name = undefined
      }
      PART.lastIndex = start + 1
    } else if (match[0] === '=') {
      name = before
      before = ''
    } else {
      const value = match[1] === undefined ? match[0] : match[1].replace(/\\(.)/gs, '$1')
      if (name?.toLowerCase() === 'error') errors.push(value)
      before = name === undefined && match[1] === undefined ? match[0] : ''
      name = undefined
    }
  }
  return errors
}
