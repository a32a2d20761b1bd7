import { DatabaseSync } from 'node:sqlite'

import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { genericOAuth } from 'better-auth/plugins/generic-oauth'

import type { Keeping } from './keeping.ts'
import { bearerGet } from './naive.ts'
import type { KeptToken, Open, ServerPlace } from './rival.ts'

const PROVIDER = 'acme'

export const openBetterAuth: Open = async (server, keeping, seed) => {
  const database = openDatabase(keeping)
  const options = configure(server, database)
  if (seed !== undefined) await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  const account = seed === undefined ? await findAccount(auth) : await linkAccount(auth, seed)
  const token = async (): Promise<string> => (await auth.api.getAccessToken({ body: account })).accessToken
  return {
    token,
    get: async (url) => bearerGet(url, await token()),
    save: async (kept) => {
      await (await auth.$context).internalAdapter.updateAccount(account.accountId, columns(kept))
    },
    setSaving: (works) => database.exec(`PRAGMA query_only = ${works ? 'OFF' : 'ON'}`),
    close: async () => database.close(),
  }
}

/** Its own way of keeping: a database, where the others have a file. */
function openDatabase(keeping: Keeping): DatabaseSync {
  if (keeping.kind === 'store') throw new Error('Expected a file, or memory.')
  if (keeping.kind === 'memory') return new DatabaseSync(':memory:')
  const database = new DatabaseSync(`${keeping.path}.sqlite`, { timeout: 5_000 })
  database.exec('PRAGMA journal_mode = WAL')
  return database
}

function configure({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace, database: DatabaseSync) {
  return {
    database,
    baseURL: 'http://localhost:3000',
    secret: 'a secret of the benchmark, thirty-two characters or more',
    logger: { disabled: true },
    telemetry: { enabled: false },
    plugins: [
      genericOAuth({
        config: [
          {
            providerId: PROVIDER,
            clientId,
            clientSecret,
            authorizationUrl: `${issuer}/authorize`,
            tokenUrl: tokenEndpoint,
            userInfoUrl: `${issuer}/userinfo`,
          },
        ],
      }),
    ],
  }
}

type Auth = ReturnType<typeof betterAuth<ReturnType<typeof configure>>>

interface Selection {
  readonly accountId: string
  readonly userId: string
}

const columns = ({ accessToken, expiresAt, refreshToken }: KeptToken) => ({
  accessToken,
  refreshToken,
  accessTokenExpiresAt: new Date(expiresAt),
})

async function linkAccount(auth: Auth, seed: KeptToken): Promise<Selection> {
  const { internalAdapter } = await auth.$context
  const { account, user } = await internalAdapter.createOAuthUser(
    { name: 'Alice', email: 'alice@example.com', emailVerified: true },
    { providerId: PROVIDER, accountId: 'alice', ...columns(seed) },
  )
  return { accountId: account.id, userId: user.id }
}

/** As another process has linked it. */
async function findAccount(auth: Auth): Promise<Selection> {
  const { adapter } = await auth.$context
  const account = await adapter.findOne<{ id: string; userId: string }>({
    model: 'account',
    where: [{ field: 'accountId', value: 'alice' }],
  })
  if (account === null) throw new Error('Expected the account to be linked already.')
  return { accountId: account.id, userId: account.userId }
}
