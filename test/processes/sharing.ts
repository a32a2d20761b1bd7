import { startProvider, type DevelopmentProvider } from '../../provider/src/index.ts'
import { generateKey } from '../../src/seal/index.ts'
import type { BareOrder } from './bare-loop.ts'
import type { Place } from './stores.ts'
import { WorkerProcess } from './worker-process.ts'
import { pause, serverOf, share, type World } from './world.ts'

export interface SharingOptions {
  readonly place: Place
  readonly processes: number
  /** How many due grants they share. */
  readonly due: number
  /** How many refresh tokens the bare loops redeem, half of them before and half of them after. 0: none. */
  readonly bare: number
  /** Refreshes under way in each process. @default 16 */
  readonly concurrency?: number
}

export interface SharingReport {
  /** Grants renewed, by process. */
  readonly refreshed: readonly number[]
  readonly failed: number
  readonly redemptions: number
  /** Refresh tokens that came to the provider a second time. */
  readonly reused: number
  /** Token requests a second: of the workers, and of as many processes that do nothing but `fetch`. */
  readonly perSecond: number
  readonly barePerSecond: number
  /** The largest worker's heap in use after a tenth of the work and after all of it, in MiB. */
  readonly earlyHeapMiB: number
  readonly lateHeapMiB: number
}

const MIB = 2 ** 20

/** Worker processes that share the due grants of one store, and as many bare loops at the same provider. */
export async function sharing(options: SharingOptions): Promise<SharingReport> {
  const { bare, concurrency = 16, due, place, processes } = options
  const provider = await startProvider({ rotate: true, reuse: 'revoke', accessTokenLifetimeMs: 86_400_000 })
  const { clientId, clientSecret } = provider
  const world: World = { place, server: serverOf(provider), clientId, clientSecret, keys: `k1:${generateKey()}` }
  const workers: WorkerProcess[] = []
  try {
    await logIn(world, provider, due)
    workers.push(...(await Promise.all(Array.from({ length: processes }, () => WorkerProcess.start(world)))))
    const before = await bareLoops(workers, provider, { concurrency, count: bare / 2 })
    const already = provider.stats().redemptions

    const started = performance.now()
    await Promise.all(workers.map((worker) => worker.ask('keepFresh', { concurrency })))
    const stats = () => Promise.all(workers.map((worker) => worker.ask('stats')))
    const heap = async () => {
      const memory = await Promise.all(workers.map((worker) => worker.ask('memory')))
      return Math.max(...memory.map(({ heapBytes }) => heapBytes)) / MIB
    }
    let now = await stats()
    let early: number | undefined
    const done = (): number => now.reduce((sum, { dead, failed, refreshed }) => sum + refreshed + failed + dead, 0)
    while (done() < due) {
      await pause(due > 10_000 ? 100 : 10)
      now = await stats()
      if (early === undefined && done() >= due / 10) early = await heap()
    }
    const seconds = (performance.now() - started) / 1000
    await Promise.all(workers.map((worker) => worker.ask('endKeeping')))
    const late = await heap()
    const redemptions = provider.stats().redemptions - already

    const after = await bareLoops(workers, provider, { concurrency, count: bare / 2 })
    const { reuseDetections } = provider.stats()
    await Promise.all(workers.map((worker) => worker.stop()))
    return {
      refreshed: now.map(({ refreshed }) => refreshed),
      failed: now.reduce((sum, { dead, failed }) => sum + failed + dead, 0),
      redemptions,
      reused: reuseDetections,
      perSecond: due / seconds,
      barePerSecond: bare === 0 ? 0 : bare / (before + after),
      earlyHeapMiB: early ?? 0,
      lateHeapMiB: late,
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()))
    await provider.close()
  }
}

const AT_ONCE = 128

async function logIn(world: World, provider: DevelopmentProvider, due: number): Promise<void> {
  const { close, grants } = share(world)
  for (let first = 0; first < due; first += AT_ONCE) {
    const minted = await provider.mint({ count: Math.min(AT_ONCE, due - first), accessTokenExpired: true })
    await Promise.all(minted.map((grant, index) => grants.save('acme', `due ${first + index}`, grant)))
  }
  await close()
}

/** Seconds that the processes took together. */
async function bareLoops(
  workers: readonly WorkerProcess[],
  provider: DevelopmentProvider,
  { concurrency, count }: { readonly concurrency: number; readonly count: number },
): Promise<number> {
  if (count === 0) return 0
  const each = Math.ceil(count / workers.length)
  const { clientId, clientSecret, metadata } = provider
  const orders: BareOrder[] = []
  for (let index = 0; index < workers.length; index += 1) {
    const minted = await provider.mint({ count: each, accessTokenExpired: true })
    const refreshTokens = minted.map(({ refresh_token }) => refresh_token)
    orders.push({ tokenEndpoint: metadata.token_endpoint, clientId, clientSecret, refreshTokens, concurrency })
  }
  const started = performance.now()
  const redeemed = await Promise.all(workers.map((worker, index) => worker.ask('bareLoop', orders[index]!)))
  const seconds = (performance.now() - started) / 1000
  if (redeemed.some((answered) => answered !== each)) throw new Error('Expected every bare refresh to be answered.')
  return seconds
}
