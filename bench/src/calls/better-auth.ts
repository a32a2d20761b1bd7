import { openBetterAuth } from '../rivals/better-auth.ts'
import type { Library } from './library.ts'

/** It keeps accounts in a database; this one is in memory. */
export const betterAuth = {
  token: async (server, { access_token, expires_at, refresh_token }) => {
    const seed = {
      accessToken: access_token,
      refreshToken: refresh_token,
      receivedAt: Date.now(),
      expiresAt: expires_at * 1000,
    }
    const holder = await openBetterAuth(server, { kind: 'memory' }, seed)
    return { kind: 'promise', call: () => holder.token() }
  },
} as const satisfies Library
