import { type ChildProcess, fork } from 'node:child_process'
import { on, once } from 'node:events'
import { join } from 'node:path'

import { afterEach, expect, test } from 'vitest'

import type { Change } from '../../src/stores/changes.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { Report } from './contender.ts'
import { inFolder } from './fixtures/sqlite.ts'

const contender = join(import.meta.dirname, 'contender.ts')

const at = inFolder()
const processes: ChildProcess[] = []

afterEach(() => {
  for (const child of processes.splice(0)) child.kill('SIGKILL')
})

async function start(...parameters: string[]): Promise<ChildProcess> {
  const child = fork(contender, [at.file, ...parameters], { execArgv: [] })
  processes.push(child)
  await once(child, 'message')
  return child
}

/** Lets them all begin at the same moment, on a file that does not exist yet. */
async function runAll(children: readonly ChildProcess[]): Promise<Report[]> {
  const reports = children.map(async (child) => (await once(child, 'message'))[0] as Report)
  for (const child of children) child.send('go')
  return Promise.all(reports)
}

/** Reads the feed while others write it, until it has this number of changes. */
async function follow(count: number): Promise<Change[]> {
  const store = sqliteStore(at.file)
  const found: Change[] = []
  for (let after: string | undefined; found.length < count;) {
    const { changes, next, expired } = await store.changes!({ after, limit: 7 })
    expect(expired ?? false).toBe(false)
    found.push(...changes)
    after = next
    if (changes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  await store.close()
  return found
}

test('of several processes exactly one gets the lease of each version, none gives up waiting, and the feed has each once', async () => {
  const names = ['one', 'two', 'three']
  const versions = 300
  const children = await Promise.all(names.map((name) => start(name, 'contend', `${versions}`)))
  const following = follow(versions)
  const reports = await runAll(children)
  expect((await following).map(({ version }) => version)).toEqual(
    Array.from({ length: versions }, (_, index) => index + 1),
  )
  const won = reports.flatMap((report) => report.won).sort((a, b) => a - b)
  expect(won).toEqual(Array.from({ length: versions - 1 }, (_, index) => index + 1))
  // None failed: each report has what was won, instead of an error. And they did get into each other's way.
  for (const report of reports) expect(report).toEqual({ won: expect.any(Array), busy: expect.any(Number) })
  expect(reports.filter(({ won: versionsWon }) => versionsWon.length > 0).length).toBeGreaterThan(1)
  const store = sqliteStore(at.file)
  const { record } = await store.read({ client: 'c', subject: 's', account: '' })
  expect([record?.version, record?.lease]).toEqual([versions, undefined])
  await store.close()
})

test('a process that is killed while it writes leaves a file that others go on with, and no row without its change', async () => {
  const victim = await start('victim', 'hammer')
  victim.send('go')
  let answered = -1
  for await (const [round] of on(victim, 'message') as AsyncIterable<[number]>) {
    answered = round
    if (answered >= 5) break
  }
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  const store = sqliteStore(at.file)
  const rounds = new Map<string, number>()
  for await (const { key, sealed } of store.list()) {
    expect(sealed).toHaveLength(2_000)
    const round = key.subject.split(' ')[0] ?? ''
    rounds.set(round, (rounds.get(round) ?? 0) + 1)
  }
  // One turn is one transaction: all of it or nothing. What returned is stored.
  for (const count of rounds.values()) expect(count).toBe(20)
  expect(rounds.size).toBeGreaterThan(answered)
  const { changes } = await store.changes!({ limit: 10_000 })
  expect(changes).toHaveLength(20 * rounds.size)
  expect(new Set(changes.map(({ key }) => key.subject.split(' ')[0]))).toEqual(new Set(rounds.keys()))
  expect(
    (
      await store.put(
        { client: 'c', subject: 'next', account: '' },
        {
          id: '1',
          schema: 1,
          issuer: 'i',
          clientId: 'c',
          state: 'active',
          sealed: 'x',
          renewable: true,
        },
      )
    ).committed,
  ).toBe(true)
  await store.close()
})
