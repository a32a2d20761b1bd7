import { generateKey } from '../../src/seal/index.ts'
import type { BareOrder } from './bare-loop.ts'
import { watchCores } from './busy.ts'
import { developmentProvider, type SharingProvider } from './sharing-provider.ts'
import type { Place } from './stores.ts'
import { WorkerProcess } from './worker-process.ts'
import { pause, share, type World } from './world.ts'

export interface SharingOptions {
  readonly place: Place
  readonly processes: number
  /** Number of due grants that they share. */
  readonly due: number
  /** Number of refresh tokens that the bare loops redeem, half of them before and half of them after. May be 0. */
  readonly bare: number
  /** Number of concurrent refreshes of each process. @default 16 */
  readonly concurrency?: number
  /** The provider. A given one is closed by its owner. @default a new development provider */
  readonly provider?: SharingProvider
  /**
   * Number of due grants, and of bare refreshes beyond `bare`, that warm the processes up and are not counted.
   * @default 0
   */
  readonly warmUp?: number
  /**
   * Whether the workers' token requests use undici's own interface. Those of the bare loops always use fetch.
   * @default false
   */
  readonly undici?: boolean
  /** Whether the heap is also measured after a tenth of the work, which stops the workers briefly. @default true */
  readonly early?: boolean
}

export interface SharingReport {
  /** Number of refreshed grants by process. */
  readonly refreshed: readonly number[]
  readonly failed: number
  readonly redemptions: number
  /** Number of refresh tokens that were sent to the provider a second time. */
  readonly reused: number
  /** Token requests per second: of the workers, and of the same number of processes with `fetch` alone. */
  readonly perSecond: number
  readonly barePerSecond: number
  /** The share of the machine's cores that was busy while the workers were, 0 to 1. */
  readonly coresBusy: number
  /**
   * CPU time of all these processes for each grant and for each bare request, in milliseconds, without the
   * provider's.
   */
  readonly cpuMs: number
  readonly bareCpuMs: number
  /** The largest worker's heap in use after a tenth of the work and after all of it, in MiB. */
  readonly earlyHeapMiB: number
  readonly lateHeapMiB: number
  /** The largest worker's whole memory after all of the work, in MiB. */
  readonly lateRssMiB: number
}

const MIB = 2 ** 20

/** Worker processes that share the due grants of one store, and as many bare loops at the same provider. */
export async function sharing(options: SharingOptions): Promise<SharingReport> {
  const {
    bare,
    concurrency = 16,
    due,
    early: looksEarly = true,
    place,
    processes,
    undici = false,
    warmUp = 0,
  } = options
  const provider = options.provider ?? (await developmentProvider())
  const { clientId, clientSecret, server } = provider
  const world: World = { place, server, clientId, clientSecret, keys: `k1:${generateKey()}`, undici }
  const workers: WorkerProcess[] = []
  try {
    const first = await provider.counts()
    await logIn(world, provider, due)
    workers.push(...(await Promise.all(Array.from({ length: processes }, () => WorkerProcess.start(world)))))
    await bareLoops(workers, provider, { concurrency, count: bare === 0 ? 0 : warmUp })
    const before = await bareLoops(workers, provider, { concurrency, count: bare / 2 })
    const already = await provider.counts()

    const cpuBefore = await cpuOf(workers)
    await Promise.all(workers.map((worker) => worker.ask('keepFresh', { concurrency })))
    const stats = () => Promise.all(workers.map((worker) => worker.ask('stats')))
    const memory = async () => {
      const all = await Promise.all(workers.map((worker) => worker.ask('memory')))
      const most = (figure: 'heapBytes' | 'rssBytes'): number => Math.max(...all.map((each) => each[figure])) / MIB
      return { heapMiB: most('heapBytes'), rssMiB: most('rssBytes') }
    }
    let now = await stats()
    let early: number | undefined
    const done = (): number => now.reduce((sum, { dead, failed, refreshed }) => sum + refreshed + failed + dead, 0)
    let counted = { from: done(), since: performance.now(), busy: watchCores() }
    let warm = warmUp === 0
    while (done() < due) {
      await pause(due > 10_000 ? 100 : 10)
      now = await stats()
      if (!warm && done() >= warmUp) {
        counted = { from: done(), since: performance.now(), busy: watchCores() }
        warm = true
      }
      if (looksEarly && early === undefined && done() >= due / 10) early = (await memory()).heapMiB
    }
    const seconds = (performance.now() - counted.since) / 1000
    const coresBusy = counted.busy()
    const cpu = (await cpuOf(workers)) - cpuBefore
    await Promise.all(workers.map((worker) => worker.ask('endKeeping')))
    const late = await memory()
    const { redemptions } = await provider.counts()

    const after = await bareLoops(workers, provider, { concurrency, count: bare / 2 })
    const { reused } = await provider.counts()
    await Promise.all(workers.map((worker) => worker.stop()))
    return {
      refreshed: now.map(({ refreshed }) => refreshed),
      failed: now.reduce((sum, { dead, failed }) => sum + failed + dead, 0),
      redemptions: redemptions - already.redemptions,
      reused: reused - first.reused,
      perSecond: (due - counted.from) / seconds,
      barePerSecond: bare === 0 ? 0 : bare / (before.seconds + after.seconds),
      coresBusy,
      cpuMs: cpu / due,
      bareCpuMs: bare === 0 ? 0 : (before.cpu + after.cpu) / bare,
      earlyHeapMiB: early ?? 0,
      lateHeapMiB: late.heapMiB,
      lateRssMiB: late.rssMiB,
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()))
    if (options.provider === undefined) await provider.close()
  }
}

const AT_ONCE = 128

async function logIn(world: World, provider: SharingProvider, due: number): Promise<void> {
  const { close, grants } = share(world)
  for (let first = 0; first < due; first += AT_ONCE) {
    const minted = await provider.mint(Math.min(AT_ONCE, due - first))
    await Promise.all(minted.map((grant, index) => grants.save('acme', `due ${first + index}`, grant)))
  }
  await close()
}

/** Milliseconds of all these processes together. */
async function cpuOf(workers: readonly WorkerProcess[]): Promise<number> {
  const each = await Promise.all(workers.map((worker) => worker.ask('cpu')))
  return each.reduce((sum, ms) => sum + ms)
}

/** The processes' duration in seconds, and their CPU time in milliseconds. */
async function bareLoops(
  workers: readonly WorkerProcess[],
  provider: SharingProvider,
  { concurrency, count }: { readonly concurrency: number; readonly count: number },
): Promise<{ readonly seconds: number; readonly cpu: number }> {
  if (count === 0) return { seconds: 0, cpu: 0 }
  const each = Math.ceil(count / workers.length)
  const { clientId, clientSecret, server } = provider
  const orders: BareOrder[] = []
  for (let index = 0; index < workers.length; index += 1) {
    const minted = await provider.mint(each)
    const refreshTokens = minted.map(({ refresh_token }) => refresh_token)
    orders.push({ tokenEndpoint: server.token_endpoint, clientId, clientSecret, refreshTokens, concurrency })
  }
  const cpuBefore = await cpuOf(workers)
  const started = performance.now()
  const redeemed = await Promise.all(workers.map((worker, index) => worker.ask('bareLoop', orders[index]!)))
  const seconds = (performance.now() - started) / 1000
  if (redeemed.some((answered) => answered !== each)) throw new Error('Expected a token for every bare refresh.')
  return { seconds, cpu: (await cpuOf(workers)) - cpuBefore }
}
