import type { ServerPlace, Token } from '../server/protocol.ts'
import { openKeep } from './keep.ts'
import { at, bearerGet, granted, isExpired, type Loaded } from './library.ts'

/** What a library without a token manager has. */
export interface NaiveParts {
  /** Uses the refresh token. */
  refresh(token: Token): Promise<NewToken>
  /** A GET with this token. @default fetch with the header */
  readonly get?: (url: string, accessToken: string) => Promise<number>
}

/** What a token response says, whatever the library calls it. */
export interface NewToken {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly expiresAt: number
}

/** What the documentation of such a library leads to: if the token has expired, refresh it; keep the new one; go on. */
export const USUAL = 'the usual code: if it has expired, refresh it'

export function naive(
  partsOf: (server: ServerPlace) => NaiveParts,
): Required<Pick<Loaded, 'open' | 'request' | 'refresh'>> {
  return {
    open: async (server, keeping, seed) => {
      const { get = bearerGet, refresh } = partsOf(server)
      const keep = await openKeep(keeping, seed)
      const token = async (): Promise<string> => {
        let current = await keep.load()
        if (isExpired(current)) {
          current = await refreshed(refresh, current)
          await keep.save(current)
        }
        return current.accessToken
      }
      return { token, get: async (url) => get(url, await token()), save: keep.save, setSaving: keep.setSaving }
    },
    request: async (server, { accessToken }) => {
      const { get = bearerGet } = partsOf(server)
      return () => granted(get(server.resource, accessToken))
    },
    refresh: async (server) => {
      const { refresh } = partsOf(server)
      return async (tokens) => (index) => refresh(at(tokens, index))
    },
  }
}

/** The refresh token that was used is kept where the response has none. */
export async function refreshed(refresh: NaiveParts['refresh'], token: Token): Promise<Token> {
  const receivedAt = Date.now()
  const { accessToken, expiresAt, refreshToken = token.refreshToken } = await refresh(token)
  return { accessToken, refreshToken, receivedAt, expiresAt }
}

/** The token's end, by how many seconds it lasts from now. */
export const endOf = (seconds = 0): number => Date.now() + seconds * 1000
