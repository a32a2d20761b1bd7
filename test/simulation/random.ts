import { createHash } from 'node:crypto'

/** A seeded source of randomness (mulberry32): the same seed gives the same numbers. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** At least 0 and less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(share: number): boolean {
    return this.next() < share
  }
}

/**
 * Removes the machine's randomness and the threads of Web Crypto from a run. Random numbers and bytes come from
 * `random`, and hashes are made at once. Returns a function that restores everything.
 */
export function seedGlobals(random: Random): () => void {
  const { getRandomValues, randomUUID } = crypto
  const { digest } = crypto.subtle
  const mathRandom = Math.random
  const define = (target: object, name: string, value: unknown): void => {
    Object.defineProperty(target, name, { value, configurable: true, writable: true })
  }
  define(crypto, 'getRandomValues', (bytes: Uint8Array) => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = random.between(0, 255)
    return bytes
  })
  let uuids = 0
  // A counted number in the same form is as good as a random one and costs nothing.
  define(crypto, 'randomUUID', () => `00000000-0000-4000-8000-${String(++uuids).padStart(12, '0')}`)
  define(crypto.subtle, 'digest', async (_name: string, data: Uint8Array) => {
    const hash = createHash('sha256').update(data).digest()
    return hash.buffer.slice(hash.byteOffset, hash.byteOffset + hash.byteLength)
  })
  Math.random = () => random.next()
  // Every wait that ends early creates an error, whose stack costs more than the rest of the wait.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  return () => {
    define(crypto, 'getRandomValues', getRandomValues)
    define(crypto, 'randomUUID', randomUUID)
    define(crypto.subtle, 'digest', digest)
    Math.random = mathRandom
    Error.stackTraceLimit = stackTraceLimit
  }
}
