import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { generateKey } from 'evergrant/seal'
import { expect, onTestFinished, test } from 'vitest'

import { startServer } from '../src/server/start-server.ts'
import { Crew } from '../src/tables/crew.ts'
import { expiryCycles, type Cycle } from '../src/tables/expiry-cycles.ts'
import { aims, byExpiry } from '../src/tables/storm-processes.ts'

const cycle = (change: Partial<Cycle> = {}): Cycle => ({
  requests: 1,
  failed: 0,
  revoked: false,
  wallMs: 100,
  blockedMs: 10,
  ...change,
})

test('each expiry has what all rounds agree on, or the least and the most', () => {
  const rounds = [
    [cycle({ requests: 4 }), cycle({ requests: 1 })],
    [cycle({ requests: 4 }), cycle({ requests: 3 })],
  ]
  expect(byExpiry(rounds, ({ requests }) => requests)).toBe('4 / 1–3')
  expect(byExpiry([], ({ requests }) => requests)).toBe('')
})

test('the aims of several processes are missed by one request too many, one failure, too long a time, or a still event loop', () => {
  const byHand = [[cycle()]]
  const met = (change: Partial<Cycle>) => aims('SQLite', [[cycle(), cycle(change)]], byHand).map((aim) => aim.met)
  expect(met({})).toEqual([true, true, true])
  expect(met({ requests: 2 })).toEqual([false, true, true])
  // A token that nobody renewed was no expiry.
  expect(met({ requests: 0 })).toEqual([false, true, true])
  expect(met({ failed: 1 })).toEqual([false, true, true])
  expect(met({ blockedMs: 51 })).toEqual([true, true, false])
  // The median of 100 and 200 is 1.5 times what it is measured by.
  expect(met({ wallMs: 200 })).toEqual([true, true, true])
  expect(met({ wallMs: 201 })).toEqual([true, false, true])
})

test('two processes on one SQLite file make one request for each expiry, and no caller fails', async () => {
  const server = await startServer({ delayMs: 20 })
  const folder = await mkdtemp(join(tmpdir(), 'evergrant-bench-test-'))
  const crew = new Crew()
  onTestFinished(async () => {
    await crew.close()
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })
  const keys = `k1:${generateKey()}`
  const done = await expiryCycles(server, {
    rival: 'evergrant-grants',
    keeping: { kind: 'store', store: 'SQLite', at: join(folder, 'grants.db'), space: '', keys },
    workers: crew.of('evergrant-grants', 2),
    callers: 5,
    cycles: 2,
  })
  const expected = { requests: 1, failed: 0, revoked: false }
  expect(done).toMatchObject([expected, expected])
})
