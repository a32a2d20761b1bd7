import { bytesFromBase64Url, toBase64Url } from '../util/base64.ts'
import { ConfigError, SealError } from '../model/errors.ts'
import { nodeCrypto } from '../util/node-crypto.ts'
import { sameText } from '../util/crypto.ts'
import type { Cipher } from './cipher.ts'
import { ContextKeys } from './context-keys.ts'
import { KEY_ID, readHeader } from './header.ts'
import type { KeyRing } from './key-ring.ts'
import { lazyKeys } from './lazy-keys.ts'
import { nodeCipher } from './node-cipher.ts'

const KEY_BYTES = 32

/** Node's own cryptography if available, else Web Crypto. Only the latter loads jose. */
const platformCipher: Cipher = {
  importKey: async (bytes) => {
    const node = nodeCrypto()
    const cipher = node === undefined ? (await import('./web-cipher.ts')).webCipher : nodeCipher(node)
    return cipher.importKey(bytes)
  },
}

/**
 * Returns a key ring of 256-bit keys: `'2025b:base64url,2025a:base64url'`. The first key seals, all of them unseal.
 * To rotate over running processes: add the new key last, deploy, move it to the front, deploy, `grants.reseal()`,
 * remove the old one.
 *
 * Sealed texts are compact JWEs (RFC 7516), `dir` with A256GCM under a key derived (HKDF, RFC 5869) for each context.
 * No key comes near the number of messages that AES-GCM allows, and no other key unseals them.
 *
 * A function is called at the first use, for keys that are loaded at run time: `keyRing(() =>
 * process.env.EVERGRANT_KEYS)`.
 * @throws ConfigError for a specification of another form. The message shows no key.
 */
export function keyRing(specification: string | undefined | (() => string | undefined)): Required<KeyRing> {
  if (typeof specification !== 'function') return keyRingWith(specification, platformCipher)
  return lazyKeys(() => keyRingWith(specification(), platformCipher)) as Required<KeyRing>
}

/** Returns a key ring with a given cipher. */
export function keyRingWith(specification: string | undefined, cipher: Cipher): Required<KeyRing> {
  const keys = parseKeys(specification)
  const [first] = keys.keys()
  if (first === undefined) {
    throw new ConfigError("The key ring is empty. Pass 'id:key', where generateKey() makes the key.")
  }
  const contexts = new ContextKeys(cipher, keys)

  const prepare = async (context: string): Promise<(plaintext: string) => Promise<string>> => {
    const key = await contexts.get(first, context)
    return (plaintext) => key.seal(plaintext)
  }

  return Object.freeze({
    currentKeyId: first,
    prepare,
    seal: async (plaintext: string, context: string) => (await prepare(context))(plaintext),
    open: async (sealed: string, context: string) => {
      const { kid, ctx } = readHeader(sealed)
      if (!keys.has(kid)) {
        throw new SealError(
          kid,
          `A stored token is sealed with key '${kid}', which is not in the key ring. Add that key at the end of the ring.`,
        )
      }
      const key = await contexts.get(kid, context)
      if (!sameText(ctx, key.contextHash)) {
        throw new SealError(
          kid,
          `A stored token (key '${kid}') belongs to another grant than the record that holds it: the record was moved or changed. Restore it, or send the user through the login again.`,
        )
      }
      try {
        return await key.open(sealed)
      } catch (cause) {
        throw new SealError(
          kid,
          `A stored token cannot be unsealed with key '${kid}': the key ring has another key under that id, or the record was changed. Check the key ring.`,
          { cause: new Error(cause instanceof Error ? cause.name : 'unknown') },
        )
      }
    },
    keyIdOf: (sealed: string) => {
      try {
        return readHeader(sealed).kid
      } catch {
        return undefined
      }
    },
  })
}

/** Makes a new key for a key ring: 32 random bytes, base64url. */
export function generateKey(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))
}

// No message below may quote more than a key's id: a text in the wrong place may be a key.
function parseKeys(specification: unknown): Map<string, Uint8Array<ArrayBuffer>> {
  if (typeof specification !== 'string') {
    throw new ConfigError(
      `Expected the key ring to be a string 'id:key,older:key', got ${specification === null ? 'null' : typeof specification}. Is an environment variable unset?`,
    )
  }
  const keys = new Map<string, Uint8Array<ArrayBuffer>>()
  const entries = specification.split(',').filter((entry) => entry.trim() !== '')
  for (const [index, entry] of entries.entries()) {
    const place = `Key ${index + 1} of the key ring`
    const colon = entry.indexOf(':')
    if (colon === -1) throw new ConfigError(`${place} has no id: write 'id:key', where generateKey() makes the key.`)
    const id = entry.slice(0, colon).trim()
    if (!KEY_ID.test(id)) {
      throw new ConfigError(`${place} has an unusable id: use 1 to 64 letters, digits, '.', '_' or '-'.`)
    }
    if (keys.has(id)) throw new ConfigError(`The key ring has two keys with the id '${id}': give each its own.`)
    const bytes = decodeKey(entry.slice(colon + 1).trim())
    if (bytes === undefined) {
      throw new ConfigError(`${place} ('${id}') is not 32 bytes of base64url (43 characters): generateKey() makes one.`)
    }
    keys.set(id, bytes)
  }
  return keys
}

function decodeKey(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]{43}=?$/.test(text)) return undefined
  const bytes = bytesFromBase64Url(text.slice(0, 43))
  // Two texts for one key would look like two keys to a person who compares them.
  return bytes !== undefined && toBase64Url(bytes) === text.slice(0, 43) ? bytes : undefined
}
