import type { KeptLogin } from '../client/flows/authorization-request.ts'

/** What stays of every login in its cookie. */
interface LoginPart {
  readonly state: string
  /** In milliseconds since the epoch. */
  readonly createdAt: number
  readonly client: string
  readonly account: string
  readonly returnTo?: string | undefined
  /** The page that opened the window of this login. Absent: the login has no window. */
  readonly popup?: string | undefined
  /** Origin of that page. */
  readonly origin?: string | undefined
}

/** A login whose user is at the provider: a pending login without what the client knows. */
export interface UnfinishedLogin extends LoginPart, Pick<KeptLogin, 'id' | 'codeVerifier' | 'nonce' | 'maxAge'> {
  /** Absent: the login shows who the user is. */
  readonly subject?: string | undefined
  /** The requested scope beyond the client's own. */
  readonly scope?: readonly string[] | undefined
  /** Whether the provider was asked for consent. */
  readonly consented?: boolean | undefined
}

/** What takes the place of an unfinished login, so that a repeated callback is understood. */
export interface FinishedLogin extends LoginPart {
  readonly id?: undefined
  readonly subject: string
}

/** The content of a login's cookie. */
export type LoginContent = UnfinishedLogin | FinishedLogin

/** Members by their short names: the cookies of a site share 4 KB. */
const MEMBERS = {
  s: 'state',
  t: 'createdAt',
  c: 'client',
  a: 'account',
  r: 'returnTo',
  p: 'popup',
  o: 'origin',
  i: 'id',
  v: 'codeVerifier',
  n: 'nonce',
  m: 'maxAge',
  u: 'subject',
  x: 'scope',
  f: 'consented',
} as const

/** Writes the content as a short text. */
export function encodeLogin(content: LoginContent): string {
  const all = content as unknown as Readonly<Record<string, unknown>>
  return JSON.stringify(Object.fromEntries(Object.entries(MEMBERS).map(([short, name]) => [short, all[name]])))
}

/** Reads what `encodeLogin` wrote. Undefined for any other text. */
export function decodeLogin(text: string): LoginContent | undefined {
  try {
    const all = JSON.parse(text) as Readonly<Record<string, unknown>>
    const content = Object.fromEntries(Object.entries(MEMBERS).map(([short, name]) => [name, all[short]]))
    return typeof content['state'] === 'string' && typeof content['client'] === 'string'
      ? (content as unknown as LoginContent)
      : undefined
  } catch {
    return undefined
  }
}
