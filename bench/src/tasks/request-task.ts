import { CONTESTANTS, type ContestantName } from '../calls/index.ts'
import type { Library } from '../calls/library.ts'
import { compare, type Call, type Comparison, type ComparisonSize } from '../harness/slots.ts'
import type { ServerPlace } from '../rivals/rival.ts'
import type { Minted } from '../server/protocol.ts'

export interface RequestOrder {
  readonly base: ContestantName
  readonly own: ContestantName
  readonly server: ServerPlace
  /** A grant whose token stays fresh throughout. */
  readonly grant: Minted
  readonly sizes: readonly ComparisonSize[]
  /** How often each is called with a `fetch` that answers at once. 0: not at all */
  readonly alone: number
}

export interface RequestAnswer {
  /** One for each size. */
  readonly comparisons: readonly Comparison[]
  /** CPU time that a call adds where `fetch` is nothing, in microseconds. */
  readonly aloneUs: number | undefined
}

/** Authorised requests of a contestant beside those of a baseline, in one process. */
export async function task({ alone, base, grant, own, server, sizes }: RequestOrder): Promise<RequestAnswer> {
  const opened = async (name: ContestantName): Promise<Call> => {
    const { request }: Library = await CONTESTANTS[name].load(undefined)
    if (request === undefined) throw new Error(`Expected ${name} to have a request.`)
    return request(server, grant)
  }
  const [baseCall, ownCall] = [await opened(base), await opened(own)]
  const comparisons: Comparison[] = []
  for (const size of sizes) {
    comparisons.push(
      await compare(
        () => baseCall,
        () => ownCall,
        size,
      ),
    )
  }
  if (alone === 0) return { comparisons, aloneUs: undefined }

  // Without the network's noise a microsecond shows. What has taken fetch for itself already is opened anew.
  const answer = new Response(null)
  globalThis.fetch = async () => answer
  const [baseAlone, ownAlone] = [await opened(base), await opened(own)]
  const { addedCpuUs } = await compare(
    () => baseAlone,
    () => ownAlone,
    { calls: alone, concurrency: 1, pairs: 7 },
  )
  return { comparisons, aloneUs: addedCpuUs }
}
