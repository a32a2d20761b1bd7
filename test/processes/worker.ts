/** A worker process of the proofs: one of several that share a store, controlled by its parent over its channel. */
import { ReauthorizationRequiredError } from '../../src/model/errors.ts'
import { Load, type LoadOrder, type LoadReport } from './load.ts'
import { bareLoop, type BareOrder } from './bare-loop.ts'
import { pause, share, type Share, type World } from './world.ts'

export interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** What the callers of one storm got. */
export interface StormResult {
  readonly tokens: readonly string[]
  readonly failures: readonly string[]
  readonly expiresAt: number
  readonly durationMs: number
}

/** The first result of a process that redeems repeatedly. */
export interface FirstResult {
  readonly outcome: 'renewed' | 'dead'
  readonly reason?: string
  readonly waitedMs: number
}

export interface WorkerStats {
  readonly refreshed: number
  readonly failed: number
  readonly dead: number
  readonly skipped: number
  readonly underway: number
}

/** Longest pause between two refreshes of a process that redeems repeatedly. */
const IDLE_MS = 40

let mine: Share | undefined
let load: Load | undefined
let keeping: ReturnType<Share['grants']['keepFresh']> | undefined

function shared(): Share {
  if (mine === undefined) throw new Error('Expected the order to start first.')
  return mine
}

const answers = {
  start: async (world: World): Promise<void> => {
    mine = share(world)
    // Opens a connection, and creates missing tables.
    await mine.store.read({ client: 'acme', subject: 'nobody', account: '' })
  },

  storm: async ({ callers, subject }: { callers: number; subject: string }): Promise<StormResult> => {
    const { grants } = shared()
    const started = performance.now()
    const settled = await Promise.allSettled(
      Array.from({ length: callers }, () => grants.session('acme', subject).token()),
    )
    const durationMs = performance.now() - started
    const got = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    return {
      tokens: [...new Set(got.map(({ accessToken }) => accessToken))],
      failures: settled.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : [])),
      expiresAt: Math.max(...got.map(({ expiresAt = 0 }) => expiresAt)),
      durationMs,
    }
  },

  /** Redeems repeatedly until it is killed or the grant has ended. Resolves at the first result. */
  churn: async ({ subject }: { subject: string }): Promise<FirstResult> => {
    const session = shared().grants.session('acme', subject)
    const started = performance.now()
    const once = async (): Promise<Omit<FirstResult, 'waitedMs'>> => {
      for (;;) {
        try {
          await session.refresh()
          return { outcome: 'renewed' }
        } catch (error) {
          if (error instanceof ReauthorizationRequiredError) return { outcome: 'dead', reason: error.reason }
          const { retryable, retryAfterMs = 10 } = error as { retryable?: boolean; retryAfterMs?: number }
          if (retryable !== true) throw error
          await pause(Math.min(retryAfterMs, 50))
        }
      }
    }
    const first = await once()
    const goOn = async (): Promise<void> => {
      while ((await once()).outcome === 'renewed') await pause(Math.random() * IDLE_MS)
    }
    if (first.outcome === 'renewed') goOn().catch((error: unknown) => console.error(error))
    return { ...first, waitedMs: performance.now() - started }
  },

  load: async (order: LoadOrder): Promise<void> => {
    load = new Load(shared().grants, order)
  },
  report: async (): Promise<LoadReport> => {
    if (load === undefined) throw new Error('Expected the order to load first.')
    return load.report()
  },
  endLoad: async (): Promise<void> => load?.end(),

  readOnly: async (readOnly: boolean): Promise<void> => shared().setReadOnly?.(readOnly),

  /** One call for a token. */
  token: async ({ subject }: { subject: string }): Promise<string> =>
    shared().grants.session('acme', subject).accessToken(),

  keepFresh: async ({ concurrency }: { concurrency: number }): Promise<void> => {
    keeping = shared().grants.keepFresh({ concurrency })
  },
  stats: async (): Promise<WorkerStats & { heapBytes: number; rssBytes: number }> => {
    if (keeping === undefined) throw new Error('Expected the order to keep fresh first.')
    return { ...keeping.stats(), ...memory() }
  },
  /** Heap and whole memory after a garbage collection. */
  memory: async (): Promise<{ heapBytes: number; rssBytes: number }> => {
    for (let round = 0; round < 3; round += 1) {
      globalThis.gc?.()
      await pause(10)
    }
    return memory()
  },
  /** CPU time since the process began, in milliseconds. */
  cpu: async (): Promise<number> => cpuMs(),
  endKeeping: async (): Promise<void> => keeping?.stop(),

  bareLoop: (order: BareOrder): Promise<number> => bareLoop(order),

  close: async (): Promise<void> => mine?.close(),
}

export type Answers = typeof answers

function cpuMs(): number {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
}

function memory(): { heapBytes: number; rssBytes: number } {
  const { heapUsed, rss } = process.memoryUsage()
  return { heapBytes: heapUsed, rssBytes: rss }
}

interface Order {
  readonly id: number
  readonly order: keyof Answers
  readonly argument: unknown
}

async function obey({ id, order, argument }: Order): Promise<void> {
  const answer = answers[order] as (argument: unknown) => Promise<unknown>
  let reply: Reply
  try {
    reply = { id, value: await answer(argument) }
  } catch (error) {
    reply = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  if (process.connected) process.send?.(reply)
}

process.on('message', (order: Order) => void obey(order))
// The worker ends if its parent has ended in any way.
process.on('disconnect', () => process.exit())
