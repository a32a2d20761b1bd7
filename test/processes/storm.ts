import { startProvider, type ProviderStats } from '../../provider/src/index.ts'
import { generateKey } from '../../src/seal/index.ts'
import type { StormResult } from './worker.ts'
import { WorkerProcess } from './worker-process.ts'
import type { Place } from './stores.ts'
import { percentile, serverOf, share, until, type World } from './world.ts'

/** The size of a storm. */
export interface StormOptions {
  readonly place: Place
  readonly processes: number
  /** Number of callers in each process. */
  readonly callers: number
  readonly expiries: number
  /** Lifetime of an access token in whole seconds, longer than all callers of one expiry take. */
  readonly lifetimeMs: number
  /** Called after each expiry with their count. */
  readonly onExpiry?: (count: number) => void
}

export interface StormReport {
  readonly calls: number
  readonly failures: readonly string[]
  /** Number of different tokens that the callers of each expiry got. */
  readonly tokensPerExpiry: readonly number[]
  readonly stats: ProviderStats
  /** Time from the first call of an expiry to the last result, in milliseconds. */
  readonly medianMs: number
  readonly longestMs: number
}

/** Runs real processes whose callers all ask at once for one grant's token, each time that it has expired. */
export async function storm(options: StormOptions): Promise<StormReport> {
  const { callers, expiries, lifetimeMs, place, processes } = options
  const provider = await startProvider({ rotate: true, reuse: 'revoke', accessTokenLifetimeMs: lifetimeMs })
  const { clientId, clientSecret } = provider
  const world: World = { place, server: serverOf(provider), clientId, clientSecret, keys: `k1:${generateKey()}` }
  const workers: WorkerProcess[] = []
  try {
    const [grant] = await provider.mint({ accessTokenExpired: true })
    const first = share(world)
    await first.grants.save('acme', 'alice', grant!)
    await first.close()
    workers.push(...(await Promise.all(Array.from({ length: processes }, () => WorkerProcess.start(world)))))
    const rounds: (readonly StormResult[])[] = []
    let expiresAt = 0
    for (let expiry = 0; expiry < expiries; expiry += 1) {
      await until('the token is spent', () => Date.now() > expiresAt, lifetimeMs + 10_000)
      const round = await Promise.all(workers.map((worker) => worker.ask('storm', { callers, subject: 'alice' })))
      rounds.push(round)
      options.onExpiry?.(rounds.length)
      expiresAt = Math.max(...round.map((result) => result.expiresAt))
    }
    await Promise.all(workers.map((worker) => worker.stop()))
    const durations = rounds.map((round) => Math.max(...round.map(({ durationMs }) => durationMs)))
    return {
      calls: processes * callers * expiries,
      failures: rounds.flat().flatMap(({ failures }) => failures),
      tokensPerExpiry: rounds.map((round) => new Set(round.flatMap(({ tokens }) => tokens)).size),
      stats: provider.stats(),
      medianMs: percentile(durations, 0.5),
      longestMs: Math.max(...durations),
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()))
    await provider.close()
  }
}
