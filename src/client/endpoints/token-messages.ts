import type * as oauth from 'oauth4webapi'
import { ACCESS_TOKEN, REFRESH_TOKEN } from '../../model/answer/find.ts'
import type { Provider } from '../../model/provider.ts'
import type { TokenAnswer } from '../answers/token-answer.ts'

const JSON_HEADERS = { 'content-type': 'application/json' }

/** The request's headers and body in the format that the provider reads; a parameter that is there several times is a list in JSON. */
export function written(
  { body, headers }: oauth.CustomFetchOptions<string, URLSearchParams>,
  format: Provider['bodyFormat'],
): { headers: Record<string, string>; body: URLSearchParams | string } {
  if (format !== 'json') return { headers, body }
  const members = [...new Set(body.keys())].map((name) => {
    const values = body.getAll(name)
    return [name, values.length === 1 ? values[0] : values] as const
  })
  return { headers: { ...headers, ...JSON_HEADERS }, body: JSON.stringify(Object.fromEntries(members)) }
}

const TOKENS: ReadonlySet<string> = new Set([...ACCESS_TOKEN, ...REFRESH_TOKEN, 'id_token', 'idToken'])

/** The secrets of other tokens in the answer, wherever they stand. */
export function otherSecrets({ extra }: TokenAnswer): readonly string[] {
  return secretsIn(extra)
}

function secretsIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) =>
    typeof each === 'string' ? (TOKENS.has(name) ? [each] : []) : secretsIn(each),
  )
}

/** The answer in the form that oauth4webapi accepts, without ID token: what is wrong with that must not hide the rest. */
export function strictResponse(answer: TokenAnswer): Response {
  if (answer.status === 200) {
    const body = {
      ...(answer.problem === undefined ? { access_token: answer.accessToken } : {}),
      token_type: answer.tokenType,
    }
    const response = new Response(null, { status: 200, headers: JSON_HEADERS })
    // Written as text, it would only be parsed again, through a stream: a tenth of what a refresh takes.
    return Object.defineProperty(response, 'json', { value: async () => body })
  }
  const status = answer.status < 200 || answer.status > 599 ? 502 : answer.status
  const bodyless = status === 204 || status === 205 || status === 304
  const body = bodyless ? null : JSON.stringify({ error: answer.error })
  return new Response(body, { status, headers: JSON_HEADERS })
}
