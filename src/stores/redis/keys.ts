import { ConfigError } from '../../model/errors.ts'

/**
 * Number of buckets of rows: enough to spread them evenly over a Cluster, few enough to ask each of them. With another
 * number the store would not find what is stored.
 */
const BUCKETS = 128

/** The parts of a bucket. `list`, `dead` and `ends` are about rows that have a state. */
export type Part =
  /** Sorted set of rows by `dueAt`. */
  | 'due'
  /** Sorted set of rows in the order of their keys. */
  | 'list'
  /** The same for rows in state 'reauthorization_required'. */
  | 'dead'
  /** Sorted set of the rows that end, by their end. */
  | 'ends'
  /** Stream: the bucket's part of the change feed. */
  | 'changes'
  /** The highest id that was removed from the stream. */
  | 'trimmed'
  /** Hash: one row. */
  | `row:${string}`

/** A row's key, and the number of its bucket. */
export interface Place {
  readonly bucket: number
  readonly key: string
}

/** Names all keys of one store. */
export class Keys {
  readonly buckets: readonly number[] = Array.from({ length: BUCKETS }, (_, number) => number)
  readonly #prefix: string

  /** @throws ConfigError for a prefix that would move keys to other slots */
  constructor(prefix: string) {
    if (typeof prefix !== 'string' || !/^[\w.:/-]{1,100}$/.test(prefix)) {
      throw new ConfigError("Expected options.prefix to be 1 to 100 letters, digits and characters of '_.:/-'.")
    }
    this.#prefix = prefix
  }

  /** Names the version of what is stored, or a random text that differs between databases. */
  whole(part: 'version' | 'epoch'): string {
    return `${this.#prefix}:${part}`
  }

  /** A Cluster places a key by the part in braces: one bucket's keys are stored together. */
  of(bucket: number, part: Part): string {
    return `${this.#prefix}:{${bucket}}:${part}`
  }
}

/** Returns the bucket of all grants of a subject, which is given as JSON. */
export function bucketOf(subject: string): number {
  return hash(subject) % BUCKETS
}

/** A grant is in its subject's bucket, a document in its name's. */
export function placeOf(key: string): Place {
  return { bucket: bucketOf(subjectOf(key) ?? key), key }
}

/** The JSON of a grant's subject. Undefined for a document. */
export function subjectOf(key: string): string | undefined {
  const parts: unknown = JSON.parse(key)
  return Array.isArray(parts) ? JSON.stringify(parts[1]) : undefined
}

/** FNV-1a. Its result must never change. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return (value ^ (value >>> 16)) >>> 0
}
