import { DatabaseSync } from 'node:sqlite'

import type { ServerPlace, Token } from '../server/protocol.ts'
import type { Keeping } from './keep.ts'
import { bearerGet, type Library } from './library.ts'

const PROVIDER = 'acme'

export const betterAuth: Library = {
  name: 'better-auth',
  how: 'getAccessToken of the generic OAuth plugin, on SQLite',
  // It refreshes a token that has less than this left, whatever its options say.
  marginMs: 5_000,
  calls: { token: 'better-auth: getAccessToken(), SQLite in memory' },
  load: async () => {
    const { betterAuth } = await import('better-auth')
    const { getMigrations } = await import('better-auth/db/migration')
    const { genericOAuth } = await import('better-auth/plugins/generic-oauth')
    return {
      open: async (server, keeping, seed) => {
        const database = openDatabase(keeping)
        const options = { ...OPTIONS, database, plugins: [genericOAuth({ config: [providerOf(server)] })] }
        if (seed !== undefined) await (await getMigrations(options)).runMigrations()
        const auth = betterAuth(options)
        const { adapter, internalAdapter } = await auth.$context
        if (seed !== undefined) {
          const user = { name: 'Alice', email: 'alice@example.com', emailVerified: true }
          const account = { providerId: PROVIDER, accountId: 'alice', ...columns(seed) }
          await internalAdapter.createOAuthUser(user, account)
        }
        const where = [{ field: 'accountId', value: 'alice' }]
        const found = await adapter.findOne<{ id: string; userId: string }>({ model: 'account', where })
        if (found === null) throw new Error('Expected the account to be linked already.')
        const body = { accountId: found.id, userId: found.userId }
        const token = async (): Promise<string> => (await auth.api.getAccessToken({ body })).accessToken
        return {
          token,
          get: async (url) => bearerGet(url, await token()),
          save: async (kept) => void (await internalAdapter.updateAccount(found.id, columns(kept))),
          setSaving: (works) => database.exec(`PRAGMA query_only = ${works ? 'OFF' : 'ON'}`),
          close: async () => database.close(),
        }
      },
    }
  },
}

const OPTIONS = {
  baseURL: 'http://localhost:3000',
  secret: 'a secret of the benchmark, thirty-two characters or more',
  logger: { disabled: true },
  telemetry: { enabled: false },
}

const providerOf = ({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace) => ({
  providerId: PROVIDER,
  clientId,
  clientSecret,
  authorizationUrl: `${issuer}/authorize`,
  tokenUrl: tokenEndpoint,
  userInfoUrl: `${issuer}/userinfo`,
})

/** Its own way of keeping: a database, where the others have a file. */
function openDatabase(keeping: Keeping): DatabaseSync {
  if (keeping.kind === 'store') throw new Error('Expected a file, or memory.')
  if (keeping.kind === 'memory') return new DatabaseSync(':memory:')
  const database = new DatabaseSync(`${keeping.path}.sqlite`, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL')
  return database
}

const columns = ({ accessToken, expiresAt, refreshToken }: Token) => ({
  accessToken,
  refreshToken,
  accessTokenExpiresAt: new Date(expiresAt),
})
