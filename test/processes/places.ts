import type { TestContext } from 'vitest'

import { postgres, POSTGRES, presentOrSkip, redis, REDIS } from '../servers/index.ts'
import { clear, placeOf, serverOf, STORE_KINDS, type Place, type ServerName, type StoreKind } from './stores.ts'

const urls: Readonly<Partial<Record<ServerName, string | undefined>>> = {
  postgres: await postgres(),
  redis: await redis(),
}

const needs: Readonly<Partial<Record<ServerName, string>>> = { postgres: POSTGRES, redis: REDIS }

/** Every kind of store that a test can have a place in, available on this machine or not. */
export const allKinds: readonly StoreKind[] = STORE_KINDS.filter((kind) => {
  const server = serverOf(kind)
  return server === undefined || server in needs
})

/** The stores that this machine has. */
export const kinds: readonly StoreKind[] = allKinds.filter((kind) => {
  const server = serverOf(kind)
  return server === undefined || urls[server] !== undefined
})

/** As `withPlace`; where this machine has no such store, the test is skipped, and with `CI` set it fails. */
export async function placeOrSkip<T>(
  context: Pick<TestContext, 'skip'>,
  kind: StoreKind,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const server = serverOf(kind)
  if (server !== undefined) presentOrSkip(context, urls[server], needs[server] ?? server)
  return withPlace(kind, work)
}

/** Runs `work` with a place in a store of this kind (on the server at `url`), which is cleared then. */
export async function withPlace<T>(kind: StoreKind, work: (place: Place) => Promise<T>, url?: string): Promise<T> {
  const server = serverOf(kind)
  const place = placeOf(kind, url ?? (server && urls[server]))
  try {
    return await work(place)
  } finally {
    await clear(place)
  }
}
