import { GCProfiler } from 'node:v8'

import { compare, type Call } from '../harness/slots.ts'
import { tokenCall, type LibraryName } from '../libraries/index.ts'
import type { TokenCall } from '../libraries/library.ts'

export interface TokenOrder {
  /** An async function that returns a constant. */
  readonly floor: LibraryName
  readonly own: LibraryName
  /** Calls in a slot: of the floor, of the contestant. */
  readonly floorCalls: number
  readonly ownCalls: number
  /** Pairs of slots that count, each in both orders. */
  readonly pairs: number
}

export interface TokenAnswer {
  readonly kind: TokenCall['kind']
  /** CPU time of a call, in nanoseconds. */
  readonly ns: number
  /** By that of the floor's. */
  readonly nsRatio: number
  /** What a call allocates on the heap. */
  readonly bytes: number
  readonly bytesRatio: number
}

/** The token is fresh throughout: nothing asks this server. */
const URL_OF_NOTHING = 'http://127.0.0.1:9'
const SERVER = {
  issuer: URL_OF_NOTHING,
  tokenEndpoint: `${URL_OF_NOTHING}/token`,
  resource: `${URL_OF_NOTHING}/resource`,
  clientId: 'bench',
  clientSecret: 'bench-secret',
}
const LIFETIME_MS = 86_400_000

/** Calls that return a fresh token beside the floor's, in turns in one process. */
export async function task({ floor, floorCalls, own, ownCalls, pairs }: TokenOrder): Promise<TokenAnswer> {
  const [floorCall, ownCall] = [await opened(floor), await opened(own)]
  // A slot is one loop over all calls.
  const { baseCpuUs, cpuUs } = await compare(
    () => looped(floorCall, floorCalls),
    () => looped(ownCall, ownCalls),
    { calls: 1, concurrency: 1, pairs },
  )
  const [ns, floorNs] = [(cpuUs * 1000) / ownCalls, (baseCpuUs * 1000) / floorCalls]
  const bytes = (await allocatedBytes(looped(ownCall, ownCalls))) / ownCalls
  const floorBytes = (await allocatedBytes(looped(floorCall, floorCalls))) / floorCalls
  return { kind: ownCall.kind, ns, nsRatio: ns / floorNs, bytes, bytesRatio: bytes / floorBytes }
}

function opened(name: LibraryName): Promise<TokenCall> {
  const [receivedAt, expiresAt] = [Date.now(), Date.now() + LIFETIME_MS]
  return tokenCall(name, SERVER, { accessToken: 'access.1.1', refreshToken: 'refresh.1.1', receivedAt, expiresAt })
}

/** Its loops call every contestant and the floor, so none is compiled into them. */
function looped(token: TokenCall, calls: number): Call {
  return token.kind === 'promise' ? () => awaited(token.call, calls) : async () => returned(token.call, calls)
}

async function awaited(call: () => Promise<unknown>, calls: number): Promise<void> {
  for (let index = 0; index < calls; index += 1) await call()
}

let last: unknown

function returned(call: () => unknown, calls: number): void {
  for (let index = 0; index < calls; index += 1) last = call()
  if (last === undefined) throw new Error('Expected a token.')
}

/** Bytes that `work` allocates on V8's heap; what is collected during that time is counted too. Needs `--expose-gc`. */
export async function allocatedBytes(work: Call): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('Expected a process with --expose-gc.')
  globalThis.gc()
  const profiler = new GCProfiler()
  profiler.start()
  const before = process.memoryUsage().heapUsed
  await work(0)
  const after = process.memoryUsage().heapUsed
  const collected = profiler
    .stop()
    .statistics.map(
      ({ afterGC, beforeGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    )
  return after - before + collected.reduce((sum, bytes) => sum + bytes, 0)
}
