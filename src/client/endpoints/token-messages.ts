import { ACCESS_TOKEN, REFRESH_TOKEN } from '../../model/answer/find.ts'
import type { Provider } from '../../model/provider.ts'
import type { TokenAnswer } from '../answers/token-answer.ts'
import type { Authenticated } from '../authentication.ts'

/**
 * Writes a token request's headers and body in the format that the provider reads. A repeated parameter is a list in
 * JSON.
 */
export function written(
  { body, headers }: Authenticated,
  format: Provider['bodyFormat'],
): { headers: Record<string, string>; body: URLSearchParams | string } {
  const own = { accept: 'application/json', ...Object.fromEntries(headers) }
  if (format !== 'json')
    return { headers: { ...own, 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }, body }
  const members = [...new Set(body.keys())].map((name) => {
    const values = body.getAll(name)
    return [name, values.length === 1 ? values[0] : values] as const
  })
  return {
    headers: { ...own, 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(members)),
  }
}

const TOKENS: ReadonlySet<string> = new Set([...ACCESS_TOKEN, ...REFRESH_TOKEN, 'id_token', 'idToken'])

/** The secrets of other tokens in the response, at any level. */
export function otherSecrets({ extra }: TokenAnswer): readonly string[] {
  return secretsIn(extra)
}

function secretsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) =>
    typeof each === 'string' ? (TOKENS.has(name) ? [each] : []) : secretsIn(each),
  )
}
