import { inBothOrders } from './both-orders.ts'
import { spread } from './stats.ts'

/** One call of what is measured; `index` counts from 0 in each slot. */
export type Call = (index: number) => Promise<unknown>

/** Makes what a slot of so many calls needs: that is not measured. */
export type Prepare = (calls: number) => Call | Promise<Call>

/** What a slot's calls took together. CPU time is that of the whole process, in user and system. */
export interface Slot {
  readonly calls: number
  readonly wallMs: number
  readonly cpuUs: number
}

export interface SlotSize {
  readonly calls: number
  /** Calls under way at once. */
  readonly concurrency: number
}

export async function slot(call: Call, { calls, concurrency }: SlotSize): Promise<Slot> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < calls) {
      next += 1
      await call(next - 1)
    }
  }
  const cpu = process.cpuUsage()
  const started = performance.now()
  await Promise.all(Array.from({ length: Math.min(concurrency, calls) }, lane))
  const wallMs = performance.now() - started
  const { system, user } = process.cpuUsage(cpu)
  return { calls, wallMs, cpuUs: user + system }
}

/** What is measured beside what it is measured by. */
export interface Comparison {
  /** Calls a second. */
  readonly perSecond: number
  readonly basePerSecond: number
  /** `perSecond` by `basePerSecond`. */
  readonly ratio: number
  /** CPU time that a call takes beyond one of the baseline, in microseconds. */
  readonly addedCpuUs: number
  readonly cpuUs: number
  readonly baseCpuUs: number
}

export interface ComparisonSize extends SlotSize {
  /** Pairs of slots that count, each in both orders. */
  readonly pairs: number
  /** So long both are called before that, in milliseconds. @default 0, for one pair */
  readonly warmUpMs?: number
}

/** Measures two in turns, in pairs of slots. Each figure is the median over the pairs. */
export async function compare(base: Prepare, own: Prepare, size: ComparisonSize): Promise<Comparison> {
  const once = async (prepare: Prepare): Promise<Slot> => slot(await prepare(size.calls), size)
  const measured = await inBothOrders(
    size.pairs,
    () => once(base),
    () => once(own),
    size.warmUpMs,
  )
  const pairs = measured.map((pair) => ({ base: both(pair.base), own: both(pair.own) }))
  const median = (figure: (pair: { base: Slot; own: Slot }) => number): number => spread(pairs.map(figure)).median
  return {
    perSecond: median(({ own }) => rateOf(own)),
    basePerSecond: median(({ base }) => rateOf(base)),
    ratio: median(({ base, own }) => rateOf(own) / rateOf(base)),
    addedCpuUs: median(({ base, own }) => cpuOf(own) - cpuOf(base)),
    cpuUs: median(({ own }) => cpuOf(own)),
    baseCpuUs: median(({ base }) => cpuOf(base)),
  }
}

function both([first, second]: readonly [Slot, Slot]): Slot {
  return {
    calls: first.calls + second.calls,
    wallMs: first.wallMs + second.wallMs,
    cpuUs: first.cpuUs + second.cpuUs,
  }
}

const rateOf = ({ calls, wallMs }: Slot): number => (calls * 1000) / wallMs
const cpuOf = ({ calls, cpuUs }: Slot): number => cpuUs / calls
