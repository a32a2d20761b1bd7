import { ConfigError } from '../model/errors.ts'
import type { KeyRing } from './key-ring.ts'

/** Returns the key ring. @throws ConfigError for anything else, such as the text of the keys */
export function checkedKeys(keys: KeyRing, how: 'to be' | 'to return' = 'to be'): KeyRing {
  const { open, seal } = (keys ?? {}) as Partial<KeyRing>
  if (typeof seal === 'function' && typeof open === 'function') return keys
  throw new ConfigError(
    `Expected \`keys\` ${how} a key ring, got ${keys === null ? 'null' : typeof keys}. Pass \`keyRing(…)\` of evergrant/seal, or an object with seal() and open().`,
  )
}

/**
 * Returns a key ring that is made at its first use: a build that only loads a module has no keys. Every use rejects, or
 * throws, what `make` throws, until it returns a key ring.
 */
export function lazyKeys(make: () => KeyRing): KeyRing {
  let made: KeyRing | undefined
  const keys = (): KeyRing => {
    if (made !== undefined) return made
    return (made = checkedKeys(make(), 'to return'))
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
