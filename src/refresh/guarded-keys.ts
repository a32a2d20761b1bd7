import type { Clock } from '../util/clock.ts'
import { StoreError } from '../model/errors.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import { within } from '../util/async.ts'

/** Time after which a key service that does not respond has failed. */
const KEYS_TIMEOUT_MS = 10_000

/**
 * Wraps the keys for the refresh layer: no operation of a key service hangs forever. Rejections are passed on
 * unchanged.
 */
export function guardedKeys(keys: KeyRing, clock: Required<Clock>): KeyRing {
  const guard = async <T extends string | object>(operation: string, work: () => Promise<T>): Promise<T> => {
    const answer = await within(work(), clock, KEYS_TIMEOUT_MS)
    if (answer !== undefined) return answer
    throw new StoreError(
      `The key service did not respond to '${operation}' within ${KEYS_TIMEOUT_MS} ms. Nothing is lost; try again.`,
    )
  }
  // Optional methods are looked up at each use: they may be added at run time.
  return {
    seal: (plaintext, context) => guard('seal', async () => keys.seal(plaintext, context)),
    open: (sealed, context) => guard('open', async () => keys.open(sealed, context)),
    get prepare() {
      const prepare = keys.prepare?.bind(keys)
      if (prepare === undefined) return undefined
      return async (context: string) => {
        const seal = await guard('prepare', async () => prepare(context))
        return (plaintext: string) => guard('seal', async () => seal(plaintext))
      }
    },
    get currentKeyId() {
      return keys.currentKeyId
    },
    get keyIdOf() {
      return keys.keyIdOf?.bind(keys)
    },
  } as KeyRing
}
