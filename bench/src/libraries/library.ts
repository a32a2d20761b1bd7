import type { Call } from '../harness/slots.ts'
import type { ServerPlace, Token } from '../server/protocol.ts'
import type { Keeping } from './keep.ts'

/** A library, used as its own documentation says. What it has no means for is left out. */
export interface Library {
  /** As the tables show it. */
  readonly name: string
  /** How it holds a grant. */
  readonly how?: string
  /** A token is refreshed automatically when it has less than this left, in milliseconds. @default 0 */
  readonly marginMs?: number
  /** What its calls are, as the tables show them. */
  readonly calls?: Readonly<Partial<Record<'request' | 'token' | 'refresh' | 'seal', string>>>
  /** Loads the package, only where it is measured. Undefined: it does not run in Node.js. */
  readonly load?: () => Promise<Loaded>
}

/** `request`, `token` and `refresh`: the calls alone, where those of a `Holder` do more than the library's documentation shows. */
export interface Loaded {
  readonly open?: Open
  /** An authorised GET with a token that is fresh; the body is read. */
  readonly request?: (server: ServerPlace, token: Token) => Promise<Call>
  /** The access token that is at hand and fresh. */
  readonly token?: (server: ServerPlace, token: Token) => Promise<TokenCall>
  /** Prepares grants whose tokens have expired; a call refreshes the one of its index. `file`: for a database. */
  readonly refresh?: (server: ServerPlace, file: string) => Promise<(tokens: readonly Token[]) => Promise<Call>>
  readonly vault?: () => Promise<Vault>
}

/** Seals the texts of many grants, which are counted from 0, and opens them. */
export interface Vault {
  seal(text: string, grant: number): Promise<string>
  open(sealed: string, grant: number): Promise<string>
}

/** A call that needs no promise shows that it needs none. */
export type TokenCall =
  | { readonly kind: 'promise'; readonly call: () => Promise<unknown> }
  | { readonly kind: 'value'; readonly call: () => unknown }

/** Opens a grant. `seed`: the token of a login, where this process is the first to hold it. `waits`: in place of Evergrant's defaults. */
export type Open = (server: ServerPlace, keeping: Keeping, seed?: Token, waits?: Waits) => Promise<Holder>

/** One process's hold on one grant, by the means of one library. */
export interface Holder {
  /** The access token, refreshed first if it has expired. */
  token(): Promise<string>
  /** An authorised GET as the library's documentation shows it. Resolves to the status, when the body has been read. */
  get(url: string): Promise<number>
  /** Keeps this token, as a process does that has just refreshed it. */
  save(token: Token): Promise<void>
  /** Makes the keeping of new tokens fail, or work again. */
  setSaving(works: boolean): void
  /** The events that the library has emitted; undefined where it has none. */
  events?(): readonly string[]
  close?(): Promise<void>
}

/** Evergrant's own options, in milliseconds. */
export interface Waits {
  readonly timeoutMs: number
  readonly leaseMs: number
  readonly settleMs: number
}

export const isExpired = ({ expiresAt }: Token): boolean => expiresAt <= Date.now()

/** The token of a call. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index]
  if (item === undefined) throw new RangeError(`Expected a grant for call ${index}, got ${items.length} grants.`)
  return item
}

/** The status, when the body has been read. */
export async function drained(response: Response): Promise<number> {
  await response.arrayBuffer()
  return response.status
}

/** A GET with the header, where the library has no means of its own. */
export async function bearerGet(url: string, accessToken: string): Promise<number> {
  return drained(await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } }))
}

/** @throws Error for every other status than 200: it would not be the same work */
export async function granted(status: number | Promise<number>): Promise<void> {
  const got = await status
  if (got !== 200) throw new Error(`status ${got}`)
}
