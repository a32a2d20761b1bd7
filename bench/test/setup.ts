import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { generateKey } from 'evergrant/seal'
import { onTestFinished } from 'vitest'

import type { Keeping } from '../src/libraries/keep.ts'
import { startServer, type BenchServer } from '../src/server/start-server.ts'
import { WorkerProcess, type Program } from '../src/workers/worker-process.ts'

/** Closes it when the test ends. */
export function closing<T extends { close(): Promise<void> }>(opened: T): T {
  onTestFinished(() => opened.close())
  return opened
}

export async function server(...behaviour: Parameters<typeof startServer>): Promise<BenchServer> {
  return closing(await startServer(...behaviour))
}

export function worker(program?: Program): WorkerProcess {
  const process = new WorkerProcess(program)
  onTestFinished(() => process.kill())
  return process
}

export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'evergrant-bench-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

export async function sqlite(): Promise<Keeping> {
  const at = join(await folder(), 'grants.db')
  return { kind: 'store', store: 'SQLite', at, space: '', keys: `k1:${generateKey()}` }
}

export const spreadAt = (median: number) => ({ median, q1: median, q3: median, n: 5 })
