import { expect } from 'vitest'

import type { DevelopmentProvider } from '../../provider/src/index.ts'
import { importToken, type Token } from '../../src/index.ts'
import { clientOf, grantsOf, HOUR, provide } from '../integration/setup.ts'

/** A provider that rotates. Tokens live for an hour. */
export const rotating = (): Promise<DevelopmentProvider> => provide({ rotate: true, accessTokenLifetimeMs: HOUR })

/** Does with the stored token what a page says: saves it, uses it, refreshes it once. Returns what was imported. */
export async function moveAndRefresh(provider: DevelopmentProvider, stored: object): Promise<Token> {
  provider.resetStats()
  const grants = grantsOf(clientOf(provider))
  const session = await grants.save('acme', 'alice', stored)
  await session.refresh()
  expect((await session.fetch(provider.metadata.userinfo_endpoint)).status).toBe(200)
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 0 })
  await grants.close()
  return importToken(stored)
}

export const asJson = (value: object): object => JSON.parse(JSON.stringify(value)) as object
