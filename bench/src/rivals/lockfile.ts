import { lock } from 'proper-lockfile'

import { openKeep } from './keeping.ts'
import { bearerGet } from './naive.ts'
import { openidRefresh } from './openid-client.ts'
import { isExpired, type KeptToken, type Open } from './rival.ts'

/** Chosen by trying: longer pauses make the last process wait longer, shorter ones only keep the disk busy. */
const RETRIES = { retries: 2000, factor: 1, minTimeout: 5, maxTimeout: 10, randomize: true }

/** The best that is known to be written by hand: one flight in the process, a lock on the file, a second look under the lock. */
export const openLockedByHand: Open = async (server, keeping, seed) => {
  if (keeping.kind !== 'file') throw new Error('Expected a file to lock.')
  const { path } = keeping
  const keep = await openKeep(keeping, seed)
  const refresh = openidRefresh(server)
  let current = await keep.load()
  let flight: Promise<KeptToken> | undefined

  const renew = async (): Promise<KeptToken> => {
    const release = await lock(path, { retries: RETRIES })
    try {
      const stored = await keep.load()
      if (!isExpired(stored)) return stored
      const renewed = await refresh(stored)
      await keep.save(renewed)
      return renewed
    } finally {
      await release()
    }
  }
  const token = async (): Promise<string> => {
    if (isExpired(current)) {
      flight ??= renew().finally(() => {
        flight = undefined
      })
      current = await flight
    }
    return current.accessToken
  }
  return { token, get: async (url) => bearerGet(url, await token()), save: keep.save, setSaving: keep.setSaving }
}
