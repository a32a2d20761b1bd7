import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { clear, placeOf, type Place } from '../../../test/processes/stores.ts'
import type { StoreKind } from '../rivals/open-store.ts'
import type { Places } from './places.ts'

let made = 0

/** Runs `work` with a place of its own in a store of this kind, which is cleared then. @throws Error when it is not installed */
export async function withProofPlace<T>(
  places: Places,
  store: StoreKind,
  work: (place: Place) => Promise<T>,
): Promise<T> {
  const at = places.store(store)
  if (at?.kind !== 'store') throw new Error(`Expected ${store} to be installed.`)
  const place = placeOf(store, store === 'SQLite' ? await ownFile(at.at) : at.at)
  try {
    return await work(place)
  } finally {
    await clear(place)
  }
}

/** What is cleared is a file's whole folder. */
async function ownFile(beside: string): Promise<string> {
  made += 1
  const folder = join(dirname(beside), `place-${made}`)
  await mkdir(folder)
  return join(folder, 'grants.db')
}
