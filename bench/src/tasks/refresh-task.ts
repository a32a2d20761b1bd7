import { CONTESTANTS, type ContestantName } from '../calls/index.ts'
import type { Library } from '../calls/library.ts'
import { durableCommits } from '../harness/disk.ts'
import { compare, type Comparison, type ComparisonSize, type Prepare, type Slot } from '../harness/slots.ts'
import type { ServerPlace } from '../rivals/rival.ts'
import { control, mintAt } from '../server/control.ts'
import type { ServerStats } from '../server/protocol.ts'

export interface RefreshOrder {
  readonly base: ContestantName
  readonly own: ContestantName
  readonly server: ServerPlace
  /** How long ago the access tokens were had, in seconds: they must be spent. */
  readonly ageS: number
  /** A path that is nobody else's, for a contestant that needs a database. */
  readonly file: string
  readonly sizes: readonly ComparisonSize[]
  /** How many single durable commits are measured beside it, next to the file. 0: none */
  readonly commits: number
}

export interface RefreshAnswer {
  /** One for each size. */
  readonly comparisons: readonly Comparison[]
  readonly commits: Slot | undefined
}

/**
 * Redemptions of a contestant beside those of a baseline, in one process; each call has a grant of its own.
 * @throws Error when the server did not redeem exactly one refresh token for each call
 */
export async function task(order: RefreshOrder): Promise<RefreshAnswer> {
  const { ageS, base, commits, file, own, server, sizes } = order
  let expected = 0
  const opened = async (name: ContestantName): Promise<Prepare> => {
    const { refresh }: Library = await CONTESTANTS[name].load(file)
    if (refresh === undefined) throw new Error(`Expected ${name} to have a refresh.`)
    const prepare = await refresh(server)
    return async (calls) => {
      const call = await prepare(await mintAt(server.issuer, { count: calls, ageS }))
      expected += calls
      // Garbage of the preparation is not the slot's.
      globalThis.gc?.()
      return call
    }
  }
  const before = await statsOf(server)
  const [prepareBase, prepareOwn] = [await opened(base), await opened(own)]
  const comparisons: Comparison[] = []
  for (const size of sizes) comparisons.push(await compare(prepareBase, prepareOwn, size))

  const after = await statsOf(server)
  const requests = after.tokenRequests - before.tokenRequests
  const redemptions = after.redemptions - before.redemptions
  if (requests !== expected || redemptions !== expected) {
    throw new Error(`Expected ${own} to redeem ${expected} refresh tokens, got ${redemptions} by ${requests} requests.`)
  }
  return { comparisons, commits: commits === 0 ? undefined : await durableCommits(`${file}.commits`, commits) }
}

async function statsOf({ issuer }: ServerPlace): Promise<ServerStats> {
  return (await control(issuer, '/stats', '')) as ServerStats
}
