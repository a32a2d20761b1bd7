import { CONTESTANTS, type ContestantName } from '../calls/index.ts'
import type { Library, TokenCall } from '../calls/library.ts'
import { allocatedBytes } from '../harness/allocated.ts'
import { inBothOrders } from '../harness/both-orders.ts'
import { spread } from '../harness/stats.ts'
import type { ServerPlace } from '../rivals/rival.ts'

export interface TokenOrder {
  /** An async function that returns a constant. */
  readonly floor: ContestantName
  readonly own: ContestantName
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

const LIFETIME_S = 86_400

/** The token is fresh throughout: nobody asks this server. */
const SERVER: ServerPlace = {
  issuer: 'http://127.0.0.1:9',
  tokenEndpoint: 'http://127.0.0.1:9/token',
  resource: 'http://127.0.0.1:9/resource',
  clientId: 'bench',
  clientSecret: 'bench-secret',
}

/** Calls that hand out a fresh token beside the floor's, in turns in one process. */
export async function task({ floor, floorCalls, own, ownCalls, pairs }: TokenOrder): Promise<TokenAnswer> {
  const [floorCall, ownCall] = [await opened(floor), await opened(own)]
  const measured = await inBothOrders(
    pairs,
    () => timed(floorCall, floorCalls),
    () => timed(ownCall, ownCalls),
  )
  const times = measured.map((pair) => ({ floor: mean(pair.base), own: mean(pair.own) }))
  const bytes = (await allocatedBytes(() => run(ownCall, ownCalls))) / ownCalls
  const floorBytes = (await allocatedBytes(() => run(floorCall, floorCalls))) / floorCalls
  return {
    kind: ownCall.kind,
    ns: spread(times.map(({ own }) => own)).median,
    nsRatio: spread(times.map(({ floor, own }) => own / floor)).median,
    bytes,
    bytesRatio: bytes / floorBytes,
  }
}

async function opened(name: ContestantName): Promise<TokenCall> {
  const { token }: Library = await CONTESTANTS[name].load(undefined)
  if (token === undefined) throw new Error(`Expected ${name} to have a call that hands out a token.`)
  const expiresAt = Math.floor(Date.now() / 1000) + LIFETIME_S
  return token(SERVER, { access_token: 'access.1.1', refresh_token: 'refresh.1.1', expires_at: expiresAt })
}

const mean = ([first, second]: readonly [number, number]): number => (first + second) / 2

/** Nanoseconds of the whole process's CPU time for a call, so that the collection of what it allocates is included. */
async function timed(call: TokenCall, calls: number): Promise<number> {
  const cpu = process.cpuUsage()
  await run(call, calls)
  const { system, user } = process.cpuUsage(cpu)
  return ((user + system) * 1000) / calls
}

/** Its loops call every contestant and the floor, so none is compiled into them. */
async function run(token: TokenCall, calls: number): Promise<void> {
  if (token.kind === 'promise') await awaited(token.call, calls)
  else returned(token.call, calls)
}

async function awaited(call: () => Promise<unknown>, calls: number): Promise<void> {
  for (let index = 0; index < calls; index += 1) await call()
}

let last: unknown

function returned(call: () => unknown, calls: number): void {
  for (let index = 0; index < calls; index += 1) last = call()
  if (last === undefined) throw new Error('Expected a token.')
}
