import type { Clock } from '../util/clock.ts'
import { StoreError } from '../model/errors.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import { within } from '../util/async.ts'

/** A key service that does not answer for so long has failed. */
const KEYS_TIMEOUT_MS = 10_000

/** The keys as the refresh layer uses them: no operation of a key service hangs for ever. What it rejects with stays as it is. */
export function guardedKeys(keys: KeyRing, clock: Required<Clock>): KeyRing {
  const guard = async <T extends string | object>(operation: string, work: () => Promise<T>): Promise<T> => {
    const answer = await within(work(), clock, KEYS_TIMEOUT_MS)
    if (answer !== undefined) return answer
    throw new StoreError(
      `The key service did not answer '${operation}' within ${KEYS_TIMEOUT_MS} ms. Nothing is lost; try again.`,
    )
  }
  // What is optional is looked up at each use: keys may come at run time.
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
