import { durableCommits } from '../harness/disk.ts'
import {
  compare,
  slot,
  type Comparison,
  type ComparisonSize,
  type Prepare,
  type Slot,
  type SlotSize,
} from '../harness/slots.ts'
import { refreshCalls, type LibraryName } from '../libraries/index.ts'
import { control, type ServerPlace } from '../server/protocol.ts'

export interface RefreshOrder {
  readonly base: LibraryName
  readonly own: LibraryName
  readonly server: ServerPlace
  /** How old the access tokens are, in seconds: they must have expired. */
  readonly ageS: number
  /** A path that nothing else uses, for a contestant that needs a database. */
  readonly file: string
  readonly sizes: readonly ComparisonSize[]
  /** Slots that come first: the contestant's first refreshes of the process, which are measured, and those that warm both up. */
  readonly before?: { readonly cold: SlotSize; readonly warmUp: SlotSize }
  /** How many single durable commits are measured, next to the file. @default 0 */
  readonly commits?: number
}

export interface RefreshAnswer {
  /** One for each size. */
  readonly comparisons: readonly Comparison[]
  readonly cold?: Slot
  readonly commits?: Slot
}

/**
 * Redemptions of a contestant beside those of a baseline, in one process; each call has a grant of its own.
 * @throws Error when the server did not redeem exactly one refresh token for each call
 */
export async function task({
  ageS,
  base,
  before,
  commits,
  file,
  own,
  server,
  sizes,
}: RefreshOrder): Promise<RefreshAnswer> {
  let expected = 0
  const opened = async (name: LibraryName): Promise<Prepare> => {
    const prepare = await refreshCalls(name, server, file)
    return async (calls) => {
      const call = await prepare(await control(server, 'mint', { count: calls, ageS }))
      expected += calls
      // Garbage of the preparation is not the slot's.
      globalThis.gc?.()
      return call
    }
  }
  const [first, ownCalls] = [await control(server, 'stats', null), await opened(own)]
  const once = async (prepare: Prepare, size: SlotSize): Promise<Slot> => slot(await prepare(size.calls), size)
  const cold = before && (await once(ownCalls, before.cold))
  const baseCalls = await opened(base)
  if (before !== undefined) {
    await once(ownCalls, before.warmUp)
    await once(baseCalls, before.warmUp)
  }
  const comparisons: Comparison[] = []
  for (const size of sizes) comparisons.push(await compare(baseCalls, ownCalls, size))

  const last = await control(server, 'stats', null)
  const requests = last.tokenRequests - first.tokenRequests
  const redemptions = last.redemptions - first.redemptions
  if (requests !== expected || redemptions !== expected) {
    throw new Error(`Expected ${own} to redeem ${expected} refresh tokens, got ${redemptions} by ${requests} requests.`)
  }
  return {
    comparisons,
    ...(cold && { cold }),
    ...(commits && { commits: await durableCommits(`${file}.commits`, commits) }),
  }
}
