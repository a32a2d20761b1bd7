/** A process that holds one grant by the means of one library, or runs one task. Its parent speaks to it over file descriptor 3. */
import { Socket } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

import { load } from '../libraries/index.ts'
import { granted, type Holder } from '../libraries/library.ts'
import type { AskResult, Orders, Reply, Request, StormOrder, StormResult } from './protocol.ts'

/** How often the event loop's turning is checked. */
const RESOLUTION_MS = 2

let opened: Holder | undefined

function holder(): Holder {
  if (opened === undefined) throw new Error('Expected the order to open first.')
  return opened
}

async function close(): Promise<null> {
  await opened?.close?.()
  opened = undefined
  return null
}

const handlers: { readonly [Name in keyof Orders]: (order: Orders[Name][0]) => Promise<Orders[Name][1]> } = {
  open: async ({ keeping, library, seed, server, waits }) => {
    await close()
    const { open } = await load(library)
    opened = await open?.(server, keeping, seed, waits)
    return null
  },
  storm: (order) => storm(holder(), order),
  ask: ({ url }) => ask(holder(), url),
  events: async () => holder().events?.() ?? [],
  save: async (token) => {
    await holder().save(token)
    return null
  },
  setSaving: async ({ works }) => {
    holder().setSaving(works)
    return null
  },
  close,
  task: async ({ module, order }) => {
    const { task } = (await import(module)) as { task: (order: unknown) => Promise<unknown> }
    return task(order)
  },
}

/** Starts all callers in one turn, and waits for every one. */
async function storm(holder: Holder, { callers, startAt = 0, url }: StormOrder): Promise<StormResult> {
  const call = (): Promise<unknown> => (url === undefined ? holder.token() : granted(holder.get(url)))
  const now = (): number => performance.timeOrigin + performance.now()
  // The garbage of earlier storms is not this one's to collect.
  globalThis.gc?.()
  await pause(Math.max(0, startAt - Date.now()))
  const turning = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  turning.enable()
  const startedAt = now()
  const settled = await Promise.allSettled(Array.from({ length: callers }, call))
  const endedAt = now()
  // A turn that has just been long is counted only when the next one comes.
  await pause(2 * RESOLUTION_MS)
  turning.disable()
  const failed = settled.filter(({ status }) => status === 'rejected').length
  return { startedAt, endedAt, failed, blockedMs: Math.max(0, turning.max / 1e6 - RESOLUTION_MS) }
}

/** Never rejects: what goes wrong is the result. */
async function ask(holder: Holder, url: string | undefined): Promise<AskResult> {
  try {
    return url === undefined ? { token: await holder.token() } : { status: await holder.get(url) }
  } catch (error) {
    const { retryable } = Object(error) as { retryable?: unknown }
    return { error: String(error), ...(typeof retryable === 'boolean' && { retryable }) }
  }
}

const parent = new Socket({ fd: 3, readable: true, writable: true })
const reply = (answer: Reply): boolean => parent.write(`${JSON.stringify(answer)}\n`)

async function handle({ id, name, order }: Request): Promise<void> {
  try {
    const handler = handlers[name] as (order: unknown) => Promise<unknown>
    reply({ id, value: await handler(order) })
  } catch (error) {
    reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

createInterface({ input: parent }).on('line', (line) => void handle(JSON.parse(line) as Request))
parent.once('close', () => process.exit(0))
