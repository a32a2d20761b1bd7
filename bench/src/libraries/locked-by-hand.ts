import { openKeep } from './keep.ts'
import { bearerGet, isExpired, type Library } from './library.ts'
import { refreshed } from './naive.ts'
import { openidParts } from './openid-client.ts'
import type { Token } from '../server/protocol.ts'

/** Chosen by trying: longer pauses make the last process wait longer, shorter ones only keep the disk busy. */
const RETRIES = { retries: 2000, factor: 1, minTimeout: 5, maxTimeout: 10, randomize: true }

/** The best that is known to be written by hand. */
export const lockedByHand: Library = {
  name: 'openid-client + proper-lockfile',
  how: 'by hand: single flight, lock on the file, re-read under the lock',
  load: async () => {
    const [{ lock }, partsOf] = [await import('proper-lockfile'), await openidParts()]
    return {
      open: async (server, keeping, seed) => {
        if (keeping.kind !== 'file') throw new Error('Expected a file to lock.')
        const { load, save, setSaving } = await openKeep(keeping, seed)
        const { refresh } = partsOf(server)
        let current = await load()
        let flight: Promise<Token> | undefined

        const refreshUnderLock = async (): Promise<Token> => {
          const release = await lock(keeping.path, { retries: RETRIES })
          try {
            const stored = await load()
            if (!isExpired(stored)) return stored
            const token = await refreshed(refresh, stored)
            await save(token)
            return token
          } finally {
            await release()
          }
        }
        const token = async (): Promise<string> => {
          if (isExpired(current)) {
            flight ??= refreshUnderLock().finally(() => (flight = undefined))
            current = await flight
          }
          return current.accessToken
        }
        return { token, get: async (url) => bearerGet(url, await token()), save, setSaving }
      },
    }
  },
}
