import { postgres, redis } from '../servers/index.ts'
import { clear, placeOf, serverOf, STORE_KINDS, type Place, type ServerName, type StoreKind } from './stores.ts'

const urls: Readonly<Partial<Record<ServerName, string | undefined>>> = {
  postgres: await postgres(),
  redis: await redis(),
}

/** The stores that this machine has. */
export const kinds: readonly StoreKind[] = STORE_KINDS.filter((kind) => {
  const server = serverOf(kind)
  return server === undefined || urls[server] !== undefined
})

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
