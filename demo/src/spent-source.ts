import type { TokenSource } from 'evergrant'

/**
 * Makes what is stored count as spent: asks for a token that lasts longer than the stored one still does, so that the
 * session has to renew it before it answers. Nothing is changed at the provider or in the store to get there.
 */
export function spentSource(source: TokenSource, now: () => number = Date.now): TokenSource {
  return {
    token: async (options) => {
      const { expiresAt } = await source.token(options)
      // Without a known end no wish is too much: the session then answers with what it has.
      if (expiresAt === undefined) return source.token(options)
      return source.token({ ...options, minValidityMs: expiresAt - now() + 1 })
    },
  }
}
