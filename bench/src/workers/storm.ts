import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'

import type { Holder } from '../rivals/rival.ts'
import { failureWords } from './failure-words.ts'
import type { StormOrder, StormResult } from './protocol.ts'

/** How often the event loop's turning is looked at. */
const RESOLUTION_MS = 2

const now = (): number => performance.timeOrigin + performance.now()

/** Lets all callers loose in one turn, and waits for every one. */
export async function storm(holder: Holder, { callers, startAt, url }: StormOrder): Promise<StormResult> {
  const call: () => Promise<unknown> = url === undefined ? () => holder.token() : () => granted(holder.get(url))
  // What earlier storms have left is not this one's to clear.
  globalThis.gc?.()
  if (startAt !== undefined) await pause(Math.max(0, startAt - Date.now()))
  const turning = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  turning.enable()
  const startedAt = now()
  const settled = await Promise.allSettled(Array.from({ length: callers }, () => call()))
  const endedAt = now()
  // A turn that has just been long is counted only when the next one comes.
  await pause(2 * RESOLUTION_MS)
  turning.disable()
  const failures: Record<string, number> = {}
  let served = 0
  for (const each of settled) {
    if (each.status === 'fulfilled') served += 1
    else {
      const words = failureWords(each.reason)
      failures[words] = (failures[words] ?? 0) + 1
    }
  }
  return { startedAt, endedAt, served, failures, blockedMs: Math.max(0, turning.max / 1e6 - RESOLUTION_MS) }
}

async function granted(status: Promise<number>): Promise<void> {
  const got = await status
  if (got !== 200) throw new Error(`status ${got}`)
}
