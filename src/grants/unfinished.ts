import { ConfigError, type EvergrantError, isEvergrantError, StoreError } from '../model/errors.ts'
import { encodeKey, type GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import { Secrets } from '../util/redact.ts'

/** What an operation on many could not do for one grant or document. */
export type UnfinishedPart = EvergrantError & {
  /** The grant's key, or the document's name. Absent if unknown: the store failed, or a record cannot be read. */
  readonly key?: GrantKey | string
}

/**
 * The error of `disconnectSubject()`, `recheck()` and `reseal()` if something is left: an `AggregateError` with an
 * error for each remaining grant or document. Everything else is done.
 */
export interface UnfinishedError extends AggregateError {
  /** Each has a `key` if it is known. */
  readonly errors: UnfinishedPart[]
  /** Number of completed ones: what the call would have resolved to. */
  readonly done: number
}

/**
 * Number of consecutive store failures after which the store is down: each further attempt would take its time to fail.
 */
const STORE_IS_DOWN = 20

/** Does the same for as many grants and documents as possible, and reports at the end what is left. */
export class ManyAttempts {
  readonly #name: string
  readonly #logger: Logger | undefined
  readonly #failures: UnfinishedPart[] = []
  #done = 0
  #storeFailures = 0

  /** `name` is the operation, for messages. */
  constructor(name: string, logger: Logger | undefined) {
    this.#name = name
    this.#logger = logger
  }

  /** Whether the store is down, so that nothing else is tried. */
  get isHopeless(): boolean {
    return this.#storeFailures >= STORE_IS_DOWN
  }

  /** Handles one of them. `work` returns whether there was something to do. */
  async one(key: GrantKey | string, work: () => Promise<boolean>): Promise<void> {
    try {
      if (await work()) this.#done += 1
      this.#storeFailures = 0
    } catch (error) {
      this.#storeFailures = error instanceof StoreError ? this.#storeFailures + 1 : 0
      this.failed(error, key)
    }
  }

  /** Goes through a list. An error of the list itself is one more failure. */
  async each<T>(list: AsyncIterable<T>, work: (each: T) => Promise<void>): Promise<void> {
    try {
      for await (const each of list) {
        await work(each)
        if (this.isHopeless) throw new StoreError('The store fails each time. The rest was not tried.')
      }
    } catch (error) {
      this.failed(error)
    }
  }

  /** Records that something is left, with its key if known. */
  failed(error: unknown, key?: GrantKey | string): void {
    const failure = partOf(error, key, this.#name)
    this.#failures.push(failure)
    const fields = typeof key === 'object' ? key : key === undefined ? {} : { document: key }
    this.#logger?.warn(`evergrant: ${this.#name}: one is left`, { ...fields, error: failure })
  }

  /**
   * Returns the number of completed ones. @throws UnfinishedError; the store's error itself if nothing could be listed
   */
  end(): number {
    const [first] = this.#failures
    if (first === undefined) return this.#done
    const nothingListed = this.#failures.every((each) => each.key === undefined && each instanceof StoreError)
    if (this.#done === 0 && nothingListed) throw first
    const error = new AggregateError(
      this.#failures,
      `${this.#name}: ${this.#done} done, ${this.#failures.length} left. Fix the cause in \`errors\` for each \`key\`, then call it again. The first: ${first.message}`,
    )
    throw Object.assign(error, { done: this.#done })
  }
}

function partOf(error: unknown, key: GrantKey | string | undefined, name: string): UnfinishedPart {
  const known: UnfinishedPart = isEvergrantError(error) ? error : unexpected(error, name)
  if (key === undefined || (known.key !== undefined && textOf(known.key) === textOf(key))) return known
  // An error that a lookup keeps may appear again for another grant.
  const own = known.key === undefined ? known : (Object.create(known) as UnfinishedPart)
  return Object.defineProperty(own, 'key', { value: key, enumerable: true, configurable: true })
}

function textOf(key: GrantKey | string): string {
  return typeof key === 'string' ? key : encodeKey(key)
}

/** An error from the application's own code. */
function unexpected(error: unknown, name: string): EvergrantError {
  return new ConfigError(
    `${name}: a function of the application (a lookup of clients, a key service) failed. See \`cause\`.`,
    { cause: new Secrets().cause(error) },
  )
}
