import { ConfigError, type EvergrantError, isEvergrantError, StoreError } from '../model/errors.ts'
import { encodeKey, type GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import { Secrets } from '../util/redact.ts'

/** What could not be done for one grant or document, by an operation on many. */
export type UnfinishedPart = EvergrantError & {
  /** The grant's key, or the document's name. Absent where that can't be known: the store failed, or a record can't be read. */
  readonly key?: GrantKey | string
}

/**
 * What `disconnectSubject()`, `recheck()` and `reseal()` reject with when they could not do all: an `AggregateError` with an error for each
 * grant or document that is left. Everything else is done.
 */
export interface UnfinishedError extends AggregateError {
  /** Each has a `key`, where it is known. */
  readonly errors: UnfinishedPart[]
  /** How many were done: what the call would have resolved to. */
  readonly done: number
}

/** After so many failures of the store in a row it is down: each of the others would take its time to fail. */
const STORE_IS_DOWN = 20

/** Does the same for many grants and documents: for as many as it can, and says at the end what is left. */
export class ManyAttempts {
  readonly #name: string
  readonly #logger: Logger | undefined
  readonly #failures: UnfinishedPart[] = []
  #done = 0
  #storeFailures = 0

  /** `name`: what is done, for the messages. */
  constructor(name: string, logger: Logger | undefined) {
    this.#name = name
    this.#logger = logger
  }

  /** Whether the store is down, so that nothing more is to be tried. */
  get isHopeless(): boolean {
    return this.#storeFailures >= STORE_IS_DOWN
  }

  /** One of them; it returns whether there was something to do. */
  async one(key: GrantKey | string, work: () => Promise<boolean>): Promise<void> {
    try {
      if (await work()) this.#done += 1
      this.#storeFailures = 0
    } catch (error) {
      this.#storeFailures = error instanceof StoreError ? this.#storeFailures + 1 : 0
      this.failed(error, key)
    }
  }

  /** Goes through a list of them. What it ends with is one failure more. */
  async each<T>(list: AsyncIterable<T>, work: (each: T) => Promise<void>): Promise<void> {
    try {
      for await (const each of list) {
        await work(each)
        if (this.isHopeless) throw new StoreError('The store fails each time: the rest was not tried.')
      }
    } catch (error) {
      this.failed(error)
    }
  }

  /** Something is left, where it is known of which key. */
  failed(error: unknown, key?: GrantKey | string): void {
    const failure = partOf(error, key, this.#name)
    this.#failures.push(failure)
    const fields = typeof key === 'object' ? key : key === undefined ? {} : { document: key }
    this.#logger?.warn(`evergrant: ${this.#name}: one is left`, { ...fields, error: failure })
  }

  /** How many were done. @throws UnfinishedError; the store's error itself, when nothing at all could be listed */
  end(): number {
    const [first] = this.#failures
    if (first === undefined) return this.#done
    const nothingListed = this.#failures.every((each) => each.key === undefined && each instanceof StoreError)
    if (this.#done === 0 && nothingListed) throw first
    const error = new AggregateError(
      this.#failures,
      `${this.#name}: ${this.#done} done, ${this.#failures.length} left; \`errors\` says why, each with its \`key\`. Call it again when that is mended. The first: ${first.message}`,
    )
    throw Object.assign(error, { done: this.#done })
  }
}

function partOf(error: unknown, key: GrantKey | string | undefined, name: string): UnfinishedPart {
  const known: UnfinishedPart = isEvergrantError(error) ? error : unexpected(error, name)
  if (key === undefined || (known.key !== undefined && textOf(known.key) === textOf(key))) return known
  // An error that a look-up keeps may be met again for another grant.
  const own = known.key === undefined ? known : (Object.create(known) as UnfinishedPart)
  return Object.defineProperty(own, 'key', { value: key, enumerable: true, configurable: true })
}

function textOf(key: GrantKey | string): string {
  return typeof key === 'string' ? key : encodeKey(key)
}

/** What was thrown by the application's own code. */
function unexpected(error: unknown, name: string): EvergrantError {
  return new ConfigError(
    `${name}: something that the application passed (a look-up of clients, a key service) failed; \`cause\` says why.`,
    { cause: new Secrets().cause(error) },
  )
}
