import { BUCKETS, type Bucket, type Member } from './keys.ts'

/** A grant that a bucket says is due. */
export interface Candidate {
  readonly bucket: Bucket
  readonly member: Member
  readonly since: number
}

/** A bucket's first due members, the longest due first, and the store's time. */
export type Heads = (bucket: Bucket, count: number) => Promise<{ candidates: readonly Candidate[]; now: number }>

/** Few buckets have more than this many times their share of the first ones. */
const UNEVENNESS = 4

/** The due grants of all buckets in one order, the longest due first. A bucket tells its first ones only, more when they turn out to be too few. */
export class DueIndex {
  readonly #buckets: readonly Bucket[]
  readonly #heads: Heads
  readonly #seen = new Set<Member>()
  #count: number
  /** The store's time at the last look. */
  now: number | undefined

  constructor(buckets: readonly Bucket[], limit: number, heads: Heads) {
    this.#buckets = buckets
    this.#heads = heads
    this.#count = Math.min(UNEVENNESS + Math.ceil((limit * UNEVENNESS) / BUCKETS), limit)
  }

  /** The next ones, at most `limit`; none when there are no more. */
  async next(limit: number): Promise<readonly Candidate[]> {
    for (;;) {
      const count = this.#count
      const heads = await Promise.all(this.#buckets.map((bucket) => this.#heads(bucket, count)))
      this.now = heads[0]?.now
      const full = heads.filter(({ candidates }) => candidates.length >= count)
      // Beyond the last one that a full bucket told, it may have others that come first.
      const horizon = Math.min(...full.map(({ candidates }) => candidates.at(-1)?.since ?? 0))
      const found = heads
        .flatMap(({ candidates }) => candidates)
        .filter(({ member, since }) => since <= horizon && !this.#seen.has(member))
        .sort((a, b) => a.since - b.since)
        .slice(0, limit)
      for (const { member } of found) this.#seen.add(member)
      if (found.length > 0 || full.length === 0) return found
      this.#count *= 2
    }
  }
}
