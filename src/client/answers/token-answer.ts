import { parseBody, type Body } from '../../model/answer/body.ts'
import { textOf } from '../../model/answer/members.ts'
import { readHiddenRefusal, readRefusal as readRefusalBody, type RefusalRead } from '../../model/answer/read-refusal.ts'
import { readTokens, type TokensRead } from '../../model/answer/read-tokens.ts'
import type { Provider } from '../../model/provider.ts'
import { isVisibleAscii } from '../../model/token.ts'
import type { RefusalMeaning } from '../../model/oauth-errors.ts'
import { noJudge, type JudgeRefusal } from './refusal-rules.ts'

/** What makes a response of status 200 unusable. */
interface AnswerProblem {
  readonly kind: 'unreadable' | 'no_access_token' | 'token_type' | 'invalid'
  readonly reason: string
}

/** A token endpoint's response, normalized: what the provider meant, in the forms of RFC 6749 sections 5.1 and 5.2. */
export interface TokenAnswer extends Omit<TokensRead, 'receivedAt' | 'writtenType'> {
  /** 200, 400 for an error with a 2xx status, or the original status. */
  readonly status: number
  readonly error?: string | undefined
  readonly errorDescription?: string | undefined
  /** What a refusal means according to the provider's data. */
  readonly means?: RefusalMeaning | undefined
  readonly problem?: AnswerProblem | undefined
}

/** What is known of the request. */
export interface Asked {
  readonly provider: Provider
  readonly judge?: JudgeRefusal
  /** Time before it was sent. */
  readonly at: number
  /** Whether the requested token can be requested again without a refresh token in the response. */
  readonly renewable: boolean
  /** The refresh token that was sent. A response that repeats it contains no new one. */
  readonly refreshToken?: string | undefined
}

const NOTHING: Omit<TokenAnswer, 'status'> = {
  accessToken: undefined,
  tokenType: 'bearer',
  expiresAt: undefined,
  refreshToken: undefined,
  refreshTokenExpiresAt: undefined,
  scope: undefined,
  idToken: undefined,
  extra: {},
}

/**
 * Normalizes a token endpoint's response. With the readers of `answer/`, the only place that knows how providers'
 * responses break strict clients.
 */
export function normaliseTokenAnswer(
  raw: { readonly status: number; readonly text: string | undefined },
  asked: Asked,
): TokenAnswer {
  const success = raw.status >= 200 && raw.status < 300
  const body = raw.text === undefined ? undefined : parseBody(raw.text)
  if (!success)
    return refusal(
      raw.status,
      raw.status,
      body === undefined ? { texts: raw.text === undefined ? [] : [raw.text] } : readRefusalBody(body),
      body,
      asked,
    )
  if (body === undefined) {
    const reason = raw.text === undefined ? 'it is longer than 1 MiB.' : 'it is neither a JSON object nor a form.'
    return { ...NOTHING, status: 200, problem: { kind: 'unreadable', reason } }
  }
  const hidden = readHiddenRefusal(body)
  const read = readTokens(body, {
    now: asked.at,
    stored: false,
    renewable: asked.renewable,
    ways: asked.provider,
    // `{ "token": …, "status": 200 }` is not a refusal.
    mayBeToken: () => hidden === undefined || /^2\d\d$/.test(hidden.code ?? ''),
  })
  const brought = read.refreshToken !== undefined && read.refreshToken !== asked.refreshToken
  // A new refresh token is kept even if the rest of the response is unusable.
  if (read.accessToken === undefined && !brought) {
    const refused = refusal(400, raw.status, hidden ?? readRefusalBody(body), body, asked)
    // Without a code, it is a refusal if the provider's data says so.
    if (hidden !== undefined || refused.means !== undefined) return refused
  }
  const problem = findProblem(read, hidden)
  return { ...read, status: 200, ...(problem === undefined ? {} : { problem }) }
}

function refusal(
  status: number,
  answered: number,
  { code, error, errorDescription, texts }: RefusalRead,
  body: Body | undefined,
  asked: Asked,
): TokenAnswer {
  const means = (asked.judge ?? noJudge)({ status: answered, code, error, texts, body })
  return { ...NOTHING, status, error, errorDescription, means }
}

function findProblem(
  { accessToken, tokenType, writtenType }: TokensRead,
  hidden: RefusalRead | undefined,
): AnswerProblem | undefined {
  if (accessToken === undefined) {
    const said = hidden?.code === undefined ? '' : `, but the error '${plainText(hidden.code)}'`
    return { kind: 'no_access_token', reason: `it has no access_token${said}.` }
  }
  if (!isVisibleAscii(accessToken)) {
    return { kind: 'invalid', reason: 'its access_token has characters that are not allowed in a header.' }
  }
  if (tokenType === 'bearer') return undefined
  return {
    kind: 'token_type',
    reason: `its token_type is ${writtenType.length > 40 ? 'a long text' : `'${writtenType}'`}, not 'bearer'. If such tokens are bearer tokens, list the type in the provider's tokenTypes.`,
  }
}

/** Reads the error of a response whose status is not 2xx, as far as possible. */
export function readRefusal(text: string | undefined): { error?: string; errorDescription?: string } {
  const body = text === undefined ? undefined : parseBody(text)
  return body === undefined ? {} : readRefusalBody(body)
}

/** Returns a provider's text on one line and of bounded length, for a message. */
export function plainText(text: string): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, ' ').trim()
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}

/** Returns a user info response with the `sub` that OpenID Connect requires. A plain OAuth 2 server calls it `id`. */
export function normaliseUserInfo(text: string): string {
  const body = parseBody(text)
  if (body === undefined || body['sub'] !== undefined) return text
  const { id } = body
  const sub = typeof id === 'number' ? String(id) : textOf(id)
  return sub === undefined ? text : JSON.stringify({ ...body, sub })
}
