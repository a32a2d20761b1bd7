import { ConfigError } from '../../errors.ts'
import type { GrantKey } from '../../grant-key.ts'
import type { ListFilter } from '../store.ts'

/** How many buckets the grants lie in: enough to spread them evenly over a cluster, few enough to ask each of them for its due grants. Another number would not find what is stored. */
export const BUCKETS = 128

/** A client's grants of one subject lie together. */
export type Member = string

/** The names of one bucket's keys. In braces is what a cluster places them by. */
export interface Bucket {
  /** Sorted set of the members that a worker may renew, by since when. */
  readonly due: string
  /** Sorted set of all members, in the order of their bytes. */
  readonly index: string
  /** Hash: the record. */
  readonly grant: (member: Member) => string
  /** Sorted set of deleted and replaced log-ins, by when they are forgotten. */
  readonly tombstones: (member: Member) => string
}

/** Names all keys of one store. */
export class Keys {
  readonly #prefix: string
  readonly buckets: readonly Bucket[]

  /** @throws ConfigError for a prefix that would move keys to other slots */
  constructor(prefix: string) {
    if (typeof prefix !== 'string' || !/^[\w.:/-]{1,100}$/.test(prefix)) {
      throw new ConfigError("Expected options.prefix to be 1 to 100 letters, digits and characters of '_.:/-'.")
    }
    this.#prefix = prefix
    this.buckets = Array.from({ length: BUCKETS }, (_, number) => this.#bucket(number))
  }

  /** The bucket of all grants of a subject. */
  bucketOf(subject: string): Bucket {
    return this.#bucket(hash(subject) % BUCKETS)
  }

  once(id: string): string {
    return `${this.#prefix}:once:${id}`
  }

  #bucket(number: number): Bucket {
    const start = `${this.#prefix}:{${number}}`
    return {
      due: `${start}:due`,
      index: `${start}:index`,
      grant: (member) => `${start}:grant:${member}`,
      tombstones: (member) => `${start}:tombstones:${member}`,
    }
  }
}

/** A grant's name in its bucket: JSON, so that no character of a key means anything. The subject comes first, for the lists of one subject's grants. */
export function memberOf({ client, subject, account }: GrantKey): Member {
  return JSON.stringify([subject, client, account])
}

export function keyOf(member: Member): GrantKey {
  const [subject = '', client = '', account = ''] = JSON.parse(member) as readonly string[]
  return { client, subject, account }
}

/** Where the members of a list begin and end (ZRANGEBYLEX), as far as their order tells. */
export function rangeOf(filter: ListFilter | undefined): { readonly from: string; readonly below: string } {
  if (filter?.subject === undefined) return { from: '-', below: '+' }
  const names = filter.client === undefined ? [filter.subject] : [filter.subject, filter.client]
  const start = JSON.stringify(names).slice(0, -1)
  // The comma after the last name, and the character after the comma: nothing that begins so is beyond it.
  return { from: `[${start},`, below: `(${start}-` }
}

/** FNV-1a. What it answers must never change. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return (value ^ (value >>> 16)) >>> 0
}
