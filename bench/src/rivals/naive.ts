import type { Keep } from './keeping.ts'
import { type Holder, isExpired, type KeptToken } from './rival.ts'

/** What a library without a token manager leaves to its user. */
export interface NaiveParts {
  readonly keep: Keep
  refresh(token: KeptToken): Promise<KeptToken>
  /** A GET with this token, by the library's own means where it has some. Answers the status. */
  readonly get?: (url: string, accessToken: string) => Promise<number>
}

/** The pattern that such a library's README leads to: look whether the token has expired; if so refresh, keep, go on. */
export function naiveHolder({ get = bearerGet, keep, refresh }: NaiveParts): Holder {
  const token = async (): Promise<string> => {
    let current = await keep.load()
    if (isExpired(current)) {
      current = await refresh(current)
      await keep.save(current)
    }
    return current.accessToken
  }
  return { token, get: async (url) => get(url, await token()), save: keep.save, setSaving: keep.setSaving }
}

/** What an API is called with where the library has no means of its own. */
export async function bearerGet(url: string, accessToken: string): Promise<number> {
  return drained(await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } }))
}

/** The status, when the body has been read. */
export async function drained(response: Response): Promise<number> {
  await response.arrayBuffer()
  return response.status
}
