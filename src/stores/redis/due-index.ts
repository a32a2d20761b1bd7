import { BUCKETS, type Bucket, type Member } from './keys.ts'

/** A grant that a bucket says is due. */
export interface Candidate {
  readonly bucket: Bucket
  readonly member: Member
  readonly since: number
}

/** Each bucket's first due members, so many at most, the longest due first. */
export type Heads = (count: number) => Promise<readonly (readonly Candidate[])[]>

/** Few buckets have more than this many times their share of the first ones. */
const UNEVENNESS = 4

/** The due grants of all buckets in one order, the longest due first. A bucket tells its first ones only, more when they turn out to be too few. */
export class DueIndex {
  readonly #heads: Heads
  readonly #seen = new Set<Member>()
  #count: number

  constructor(limit: number, heads: Heads) {
    this.#heads = heads
    this.#count = Math.min(UNEVENNESS + Math.ceil((limit * UNEVENNESS) / BUCKETS), limit)
  }

  /** The next ones, at most `limit`; none when there are no more. */
  async next(limit: number): Promise<readonly Candidate[]> {
    for (;;) {
      const count = this.#count
      const heads = await this.#heads(count)
      const full = heads.filter((candidates) => candidates.length >= count)
      // Beyond the last one that a full bucket told, it may have others that come first.
      const horizon = Math.min(...full.map((candidates) => candidates.at(-1)?.since ?? 0))
      const found = heads
        .flat()
        .filter(({ member, since }) => since <= horizon && !this.#seen.has(member))
        .sort((a, b) => a.since - b.since)
        .slice(0, limit)
      for (const { member } of found) this.#seen.add(member)
      if (found.length > 0 || full.length === 0) return found
      this.#count *= 2
    }
  }
}
