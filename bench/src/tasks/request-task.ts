import { compare, type Comparison, type ComparisonSize } from '../harness/slots.ts'
import { requestCall, type LibraryName } from '../libraries/index.ts'
import type { ServerPlace, Token } from '../server/protocol.ts'

export interface RequestOrder {
  readonly base: LibraryName
  readonly own: LibraryName
  readonly server: ServerPlace
  /** A token that stays fresh throughout. */
  readonly token: Token
  readonly sizes: readonly ComparisonSize[]
  /** How often each is called with a `fetch` that returns at once. 0: not at all */
  readonly alone: number
}

export interface RequestAnswer {
  /** One for each size. */
  readonly comparisons: readonly Comparison[]
  /** CPU time that a call adds where `fetch` is nothing, in microseconds. */
  readonly aloneUs?: number
}

/** Authorised requests of a contestant beside those of a baseline, in one process. */
export async function task({ alone, base, own, server, sizes, token }: RequestOrder): Promise<RequestAnswer> {
  const compared = async (size: ComparisonSize): Promise<Comparison> => {
    const [baseCall, ownCall] = [await requestCall(base, server, token), await requestCall(own, server, token)]
    return compare(
      () => baseCall,
      () => ownCall,
      size,
    )
  }
  const comparisons: Comparison[] = []
  for (const size of sizes) comparisons.push(await compared(size))
  if (alone === 0) return { comparisons }
  // Without the network's noise a microsecond shows. What has taken fetch for itself already is opened again.
  const answer = new Response(null)
  globalThis.fetch = async () => answer
  const { addedCpuUs } = await compared({ calls: alone, concurrency: 1, pairs: 7 })
  return { comparisons, aloneUs: addedCpuUs }
}
