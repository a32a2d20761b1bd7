import { type DevelopmentProvider, startProvider } from '../../provider/src/index.ts'
import { Sealer } from '../../src/refresh/sealer.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import type { GrantRecord } from '../../src/stores/store.ts'
import { type Ledger, startLedger } from './ledger.ts'
import type { Place } from './stores.ts'
import type { FirstResult } from './worker.ts'
import { WorkerProcess } from './worker-process.ts'
import { pause, percentile, serverOf, share, type Share, until, type World } from './world.ts'

/**
 * What the provider does with a refresh token that is redeemed again. `grace`: accepts it for a time. `strict`: ends
 * the grant.
 */
export type KillMode = 'grace' | 'strict'

export interface KillOptions {
  readonly place: Place
  readonly mode: KillMode
  readonly kills: number
  /** Called after each kill with their count. */
  readonly onKill?: (count: number) => void
}

/** Short, so that many kills take minutes. */
export const KILL_POLICY = { timeoutMs: 150, leaseMs: 300, settleMs: 300, graceMs: 60_000 } as const

/** The longest time that a message takes to the provider or back. */
const DELAY_MS = 15
/** The longest time from a process's start to its kill: some refreshes. */
const KILL_WITHIN_MS = 120

/**
 * The step at which the process was killed, as the store and the provider show it. `between`: no refresh was in
 * progress. `claimed`: its request had not reached the provider. `redeemed`: the provider had replaced the refresh
 * token, or was about to, and the new one was not saved.
 */
export type Phase = 'between' | 'claimed' | 'redeemed'

export interface KillReport {
  readonly phases: Readonly<Record<Phase, number>>
  /** Number of grants that the successor found ended, by reason. */
  readonly lost: Readonly<Record<string, number>>
  /**
   * Of those, the ones whose refresh token was not consumed, or that the provider would still have refreshed. Must be
   * 0.
   */
  readonly falseVerdicts: number
  /** Number of redeemed refresh tokens. */
  readonly redemptions: number
  /** Time until the successor had a new token or a verdict, in milliseconds. */
  readonly medianMs: number
  readonly longestMs: number
}

const KEY = { client: 'acme', subject: 'alice', account: '' }

/**
 * Kills the redeeming process at random moments, many times. Each time another process continues with what was
 * stored.
 */
export async function kill({ kills, mode, onKill, place }: KillOptions): Promise<KillReport> {
  const { graceMs, leaseMs, settleMs, timeoutMs } = KILL_POLICY
  const reuse = mode === 'grace' ? graceMs : 'revoke'
  const provider = await startProvider({ rotate: true, reuse, accessTokenLifetimeMs: 3_600_000 })
  const ledger = await startLedger(provider.metadata.token_endpoint, { delayMs: DELAY_MS })
  const { clientId, clientSecret } = provider
  const world: World = {
    place,
    server: serverOf(provider, ledger.url),
    clientId,
    clientSecret,
    keys: `k1:${generateKey()}`,
    timeoutMs,
    policy: { leaseMs, settleMs },
    refresh: { rotates: true, ...(mode === 'grace' && { reuseGraceMs: graceMs, reuseGraceUntil: 'time' }) },
  }
  const alive = new Set<WorkerProcess>()
  const start = (): Promise<WorkerProcess> => {
    const started = WorkerProcess.start(world).then((worker) => {
      alive.add(worker)
      return worker
    })
    // It is awaited later.
    started.catch(() => undefined)
    return started
  }
  const judge = new Judge(world, provider, ledger)
  try {
    await judge.logIn()
    let spare = start()
    const current = { worker: await start() }
    await current.worker.ask('churn', { subject: 'alice' })
    for (let count = 0; count < kills; count += 1) {
      const successor = await spare
      spare = start()
      await pause(Math.random() * KILL_WITHIN_MS)
      const arrived = ledger.arrived
      await current.worker.kill()
      onKill?.(count + 1)
      alive.delete(current.worker)
      await judge.look(arrived)
      current.worker = successor
      const result = await successor.ask('churn', { subject: 'alice' })
      if (await judge.of(result)) continue
      await judge.logIn()
      await successor.ask('churn', { subject: 'alice' })
    }
    alive.add(await spare)
    return judge.report()
  } finally {
    await Promise.all([...alive].map((worker) => worker.kill()))
    await judge.close()
    await ledger.close()
    await provider.close()
  }
}

/** Compares the store, the provider and the messages between them. */
class Judge {
  readonly #provider: DevelopmentProvider
  readonly #ledger: Ledger
  readonly #share: Share
  readonly #sealer: Sealer
  readonly #phases = { between: 0, claimed: 0, redeemed: 0 }
  readonly #lost: Record<string, number> = {}
  readonly #waits: number[] = []
  #falseVerdicts = 0

  constructor(world: World, provider: DevelopmentProvider, ledger: Ledger) {
    this.#provider = provider
    this.#ledger = ledger
    this.#share = share(world)
    this.#sealer = new Sealer(keyRing(world.keys))
  }

  async logIn(): Promise<void> {
    const [grant] = await this.#provider.mint()
    await this.#share.grants.save('acme', 'alice', grant!)
  }

  /** Reads what the killed process has left behind. */
  async look(arrived: number): Promise<void> {
    const { record } = await this.#stored()
    // `arrived` was read right before the kill: a request that arrived since then is in flight.
    const answering = this.#ledger.underway > 0 || this.#ledger.arrived > arrived
    if (record.intent?.open !== true) this.#phases.between += 1
    else if (answering || (await this.#consumed()).length > 0) this.#phases.redeemed += 1
    else this.#phases.claimed += 1
  }

  /** Whether the grant is active. If not, it must have ended at the provider, because of a lost response. */
  async of({ outcome, reason = '', waitedMs }: FirstResult): Promise<boolean> {
    this.#waits.push(waitedMs)
    if (outcome === 'renewed') return true
    this.#lost[reason] = (this.#lost[reason] ?? 0) + 1
    const answers = await this.#consumed()
    const answerLost = reason === 'answer_lost' && answers.length > 0
    if (!answerLost || (await this.#anyLives([...answers, await this.#refreshToken()]))) this.#falseVerdicts += 1
    return false
  }

  report(): KillReport {
    return {
      phases: this.#phases,
      lost: this.#lost,
      falseVerdicts: this.#falseVerdicts,
      redemptions: this.#ledger.entries.filter(({ issued }) => issued !== undefined).length,
      medianMs: percentile(this.#waits, 0.5),
      longestMs: Math.max(...this.#waits),
    }
  }

  close(): Promise<void> {
    return this.#share.close()
  }

  async #stored(): Promise<{ record: GrantRecord }> {
    const { record } = await this.#share.store.read(KEY)
    if (record === undefined) throw new Error('Expected the grant to be in the store.')
    return { record }
  }

  async #refreshToken(): Promise<string> {
    const { record } = await this.#stored()
    const token = await this.#sealer.open(record.key, record.id, record.sealed)
    return token?.refreshToken ?? ''
  }

  /** The refresh tokens that the provider has returned for the stored one. */
  async #consumed(): Promise<readonly string[]> {
    const stored = await this.#refreshToken()
    await until('no request is in flight', () => this.#ledger.underway === 0)
    return this.#ledger.entries.flatMap(({ issued, presented }) => (presented === stored ? (issued ?? []) : []))
  }

  /** One after another, and the consumed one last, because redeeming that again would end the others. */
  async #anyLives(refreshTokens: readonly string[]): Promise<boolean> {
    const { clientId, clientSecret, metadata } = this.#provider
    for (const refresh_token of refreshTokens) {
      const form = { grant_type: 'refresh_token', refresh_token, client_id: clientId, client_secret: clientSecret }
      const response = await fetch(metadata.token_endpoint, { method: 'POST', body: new URLSearchParams(form) })
      await response.body?.cancel()
      if (response.ok) return true
    }
    return false
  }
}
