import { ConfigError } from '../model/errors.ts'
import type { KeyRing } from './key-ring.ts'

/**
 * Returns a key ring that is made at its first use: a build that only loads a module has no keys. Every use rejects, or
 * throws, what `make` throws, until it returns a key ring.
 */
export function lazyKeys(make: () => KeyRing): KeyRing {
  let made: KeyRing | undefined
  const keys = (): KeyRing => {
    if (made !== undefined) return made
    const ring: unknown = make()
    if (typeof (ring as KeyRing | undefined)?.seal !== 'function' || typeof (ring as KeyRing).open !== 'function')
      throw new ConfigError('Expected `keys` to return a key ring: keyRing(…), or an object with seal() and open().')
    return (made = ring as KeyRing)
  }
  return {
    seal: async (plaintext, context) => keys().seal(plaintext, context),
    open: async (sealed, context) => keys().open(sealed, context),
    // Looked up each time, because whether there is one shows at the first use.
    get prepare() {
      const ring = keys()
      return ring.prepare?.bind(ring)
    },
    get currentKeyId() {
      return keys().currentKeyId
    },
    get keyIdOf() {
      const ring = keys()
      return ring.keyIdOf?.bind(ring)
    },
  } as KeyRing
}
