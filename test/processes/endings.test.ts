import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { generateKey } from '../../src/seal/make-key-ring.ts'

const folder = mkdtempSync(join(tmpdir(), 'evergrant-endings-'))
afterAll(() => rmSync(folder, { recursive: true }))
const key = generateKey()

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly ms: number
}

/** Runs a program with the real clock to its end, or ends it after `mostMs`. See `code` and `signal`. */
function run(name: string, { file = `${name}.db`, mostMs = 15_000 } = {}): Promise<Ended> {
  const program = fileURLToPath(new URL('ending.ts', import.meta.url))
  const child = spawn(process.execPath, ['--no-warnings', program, name, join(folder, file), key])
  const began = performance.now()
  let out = ''
  const hear = (chunk: Buffer): void => void (out += String(chunk))
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  const end = setTimeout(() => child.kill('SIGKILL'), mostMs)
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(end)
      resolve({ code, signal, out: out.trim(), ms: performance.now() - began })
    })
  })
}

test('a script whose predecessor was killed during its request waits, and gets a token', async () => {
  expect((await run('killed during its request', { file: 'shared.db' })).signal).toBe('SIGKILL')
  // Lease and settle time end by the real clock.
  let last: Ended | undefined
  for (let tries = 0; tries < 10 && last?.out !== 'at2'; tries += 1) {
    last = await run('takes over', { file: 'shared.db' })
    expect(last.code).toBe(0)
    expect(['at2', 'provider_unavailable']).toContain(last.out)
  }
  expect(last?.out).toBe('at2')
}, 60_000)

test('a process that only waits for its worker keeps running, and ends once the worker is stopped', async () => {
  const [running, stopped] = await Promise.all([run('worker', { mostMs: 3000 }), run('stopped worker')])
  expect(running).toMatchObject({ signal: 'SIGKILL', out: 'begins' })
  expect(stopped).toMatchObject({ code: 0, out: 'stopped' })
}, 30_000)

test('a wait for hanging work that holds nothing open ends in its error, not in the end of the process', async () => {
  const names = ['a session whose transport hangs', 'a client whose transport hangs']
  for (const { code, out } of await Promise.all(names.map((name) => run(name))))
    expect([code, out]).toEqual([0, 'provider_unavailable'])
  const [metadata, updater] = await Promise.all([run('metadata that hangs'), run('an updater that hangs')])
  expect([metadata.code, metadata.out]).toEqual([0, 'discovery_error'])
  expect([updater.code, updater.out]).toEqual([0, 'at2'])
}, 60_000)

test('a process ends once its work is done', async () => {
  const { code, ms, out } = await run('ordinary life')
  expect([code, out]).toEqual([0, 'at2'])
  // A deleted record is remembered for a minute, but a process does not run for that.
  expect(ms).toBeLessThan(12_000)
}, 30_000)
