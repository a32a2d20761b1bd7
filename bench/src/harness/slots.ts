import { spread, type Spread } from './stats.ts'

/** One call of what is measured; `index` counts from 0 in each slot. */
export type Call = (index: number) => Promise<unknown>

/** Prepares what a slot's calls need, which is not measured. */
export type Prepare = (calls: number) => Call | Promise<Call>

/** What a slot's calls took together. CPU time is that of the whole process, in user and system. */
export interface Slot {
  readonly calls: number
  readonly wallMs: number
  readonly cpuUs: number
}

export interface SlotSize {
  readonly calls: number
  /** Calls in flight at once. */
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

/** What was measured of two things in one pair, in which each came first once. */
export interface Pair<T> {
  readonly base: readonly [T, T]
  readonly own: readonly [T, T]
}

/**
 * Measures two things in turns: what else happens on the machine meets both, and so does what coming first or second brings along,
 * because every pair is measured in both orders. The first pair only warms up, and those after it until `warmUpMs` are over:
 * code that runs for the first time is compiled then.
 */
export async function inBothOrders<T>(
  pairs: number,
  base: () => Promise<T>,
  own: () => Promise<T>,
  warmUpMs = 0,
): Promise<readonly Pair<T>[]> {
  const measured: Pair<T>[] = []
  const begun = performance.now()
  let warm = false
  while (measured.length < pairs) {
    const [base1, own1, own2, base2] = [await base(), await own(), await own(), await base()]
    if (warm) measured.push({ base: [base1, base2], own: [own1, own2] })
    warm ||= performance.now() - begun >= warmUpMs
  }
  return measured
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
  /** How long both are called before that, in milliseconds. @default 0, for one pair */
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

/** A figure at the size of this index, over all rounds. */
export function at(
  answers: readonly { readonly comparisons: readonly Comparison[] }[],
  index: number,
  figure: keyof Comparison,
): Spread {
  return spread(answers.map(({ comparisons }) => comparisons[index]?.[figure] ?? Number.NaN))
}

const rateOf = ({ calls, wallMs }: Slot): number => (calls * 1000) / wallMs
export const cpuOf = ({ calls, cpuUs }: Slot): number => cpuUs / calls
