/** Rows of Better Auth's account table, written by Better Auth, imported as docs/migration/from-better-auth.md says. */
import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

import type { DevelopmentProvider } from '../../provider/src/index.ts'
import { importToken } from '../../src/index.ts'
import { HOUR } from '../integration/setup.ts'
import { asJson, moveAndRefresh, rotating } from './setup.ts'

interface Context {
  readonly adapter: { findMany(query: { model: 'account' }): Promise<Row[]> }
  readonly internalAdapter: { createOAuthUser(user: object, account: object): Promise<unknown> }
  readonly secretConfig: unknown
}
interface Auth {
  readonly $context: Promise<Context>
  readonly api: { getAccessToken(options: { body: object }): Promise<{ accessToken: string }> }
}
interface Row {
  readonly id: string
  readonly userId: string
  readonly providerId: string
  readonly accessToken: string
  readonly refreshToken: string
  readonly accessTokenExpiresAt: Date
}

/** It is a package of the benchmarks. */
const { resolve } = createRequire(new URL('../../bench/package.json', import.meta.url))
const load = async <T>(name: string): Promise<T> => (await import(pathToFileURL(resolve(name)).href)) as T

/** An application whose user alice has connected the provider, and has refreshed there once. */
async function application(
  provider: DevelopmentProvider,
  { refreshed = true, ...account }: { readonly refreshed?: boolean; readonly encryptOAuthTokens?: boolean } = {},
) {
  const { betterAuth } = await load<{ betterAuth: (options: object) => Auth }>('better-auth')
  const { getMigrations } = await load<{
    getMigrations: (options: object) => Promise<{ runMigrations(): Promise<void> }>
  }>('better-auth/db/migration')
  const { genericOAuth } = await load<{ genericOAuth: (options: object) => object }>(
    'better-auth/plugins/generic-oauth',
  )
  const { clientId, clientSecret, metadata } = provider
  const config = {
    providerId: 'acme',
    clientId,
    clientSecret,
    authorizationUrl: metadata.authorization_endpoint,
    tokenUrl: metadata.token_endpoint,
    userInfoUrl: metadata.userinfo_endpoint,
  }
  const database = new DatabaseSync(':memory:')
  onTestFinished(() => database.close())
  const created: Row[] = []
  const options = {
    database,
    account,
    databaseHooks: { account: { create: { after: async (row: Row) => void created.push(row) } } },
    plugins: [genericOAuth({ config: [config] })],
    baseURL: 'http://localhost:3000',
    secret: 'a secret of the test, thirty-two characters or more',
    logger: { disabled: true },
    telemetry: { enabled: false },
  }
  await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  const context = await auth.$context
  const [minted] = await provider.mint({ user: 'alice' })
  const columns = {
    accessToken: minted!.access_token,
    refreshToken: minted!.refresh_token,
    accessTokenExpiresAt: new Date(0),
  }
  const user = { name: 'Alice', email: 'alice@example.com', emailVerified: true }
  await context.internalAdapter.createOAuthUser(user, { providerId: 'acme', accountId: 'alice', ...columns })
  const [row] = await context.adapter.findMany({ model: 'account' })
  if (refreshed) await auth.api.getAccessToken({ body: { accountId: row!.id, userId: row!.userId } })
  return { context, created, database }
}

test.each(['its adapter', 'SQL'])('a row, read by %s, is imported and refreshed', async (way) => {
  const provider = await rotating()
  const { context, database } = await application(provider)
  const row =
    way === 'SQL'
      ? { ...database.prepare('SELECT * FROM account').get() }
      : { ...(await context.adapter.findMany({ model: 'account' }))[0] }
  expect(Object.keys(row)).toEqual(
    expect.arrayContaining(['userId', 'providerId', 'accountId', 'accessTokenExpiresAt']),
  )
  for (const stored of [row, asJson(row)]) {
    const { expiresAt = 0, extra } = importToken(stored)
    expect(Math.abs(expiresAt - Date.now() - HOUR)).toBeLessThan(30_000)
    expect(extra).toBeUndefined()
  }
  await moveAndRefresh(provider, row)
})

test('the row of a new account, as a hook gets it, is imported and refreshed', async () => {
  const provider = await rotating()
  const { created } = await application(provider, { refreshed: false })
  expect(created).toHaveLength(1)
  await moveAndRefresh(provider, { ...created[0] })
})

test('encrypted tokens are decrypted first', async () => {
  const provider = await rotating()
  const { context } = await application(provider, { encryptOAuthTokens: true })
  const { symmetricDecrypt } = await load<{
    symmetricDecrypt: (options: { key: unknown; data: string }) => Promise<string>
  }>('better-auth/crypto')
  const [row] = await context.adapter.findMany({ model: 'account' })
  const decrypted = async (data: string): Promise<string> => symmetricDecrypt({ key: context.secretConfig, data })
  const accessToken = await decrypted(row!.accessToken)
  expect(accessToken).not.toBe(row!.accessToken)
  await moveAndRefresh(provider, { ...row, accessToken, refreshToken: await decrypted(row!.refreshToken) })
})
