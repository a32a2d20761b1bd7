import { describe, expect, test } from 'vitest'

import type { Backend } from '../../src/stores/backend.ts'
import { backendContract, fakeClock } from '../../src/testing/index.ts'
import { MapBackend } from '../stores/map-backend.ts'
import { dueMistakes } from './broken/due.ts'
import { feedMistakes } from './broken/feed.ts'
import { listMistakes } from './broken/lists.ts'
import { swapMistakes } from './broken/swaps.ts'
import { textMistakes } from './broken/texts.ts'
import { FullBackend } from './full-backend.ts'

const clock = fakeClock()

/** The names of the cases that a backend fails, of all or of one. */
async function failed(create: () => Backend, only?: string): Promise<string[]> {
  const names: string[] = []
  for (const { name, run } of backendContract({ create, clock })) {
    if (only !== undefined && name !== only) continue
    await run().catch((error: unknown) => {
      expect((error as Error).message).not.toBe('')
      names.push(name)
    })
  }
  return names
}

/** An intact backend with other members in place of some of its own. */
function spoiled(spoil: (backend: FullBackend) => Partial<Backend>): Backend {
  const intact = new FullBackend(clock.now)
  const members: Partial<Backend> = spoil(intact)
  return new Proxy<Backend>(intact, {
    get: (target, name) => {
      const own = members[name as keyof Backend] ?? target[name as keyof Backend]
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
}

describe('the backend contract holds for', () => {
  const places = {
    'a Map, fake time': { create: () => new FullBackend(clock.now), clock },
    'a Map, real time': { create: () => new FullBackend() },
    'a Map without the optional members': { create: () => new MapBackend(clock.now), clock },
  }
  for (const [place, options] of Object.entries(places)) {
    for (const { name, run } of backendContract(options)) test(`${place}: ${name}`, run)
  }
})

describe.each([
  ['reading and swapping', swapMistakes],
  ['keys and texts', textMistakes],
  ['lists', listMistakes],
  ['due rows', dueMistakes],
  ['the feed and the end of rows', feedMistakes],
])('the backend contract finds a mistake in %s:', (_part, mistakes) => {
  test.each(Object.entries(mistakes))('%s', async (_name, [caseName, spoil]) => {
    const create = (): Backend => spoiled((backend) => spoil(backend, clock))
    expect(await failed(create, caseName)).toEqual([caseName])
  })
})

test('a backend without guards may ignore `notAfter`', async () => {
  const create = (guards: boolean): Backend =>
    spoiled((backend) => ({
      guards,
      swap: (key, from, to, write) => backend.swap(key, from, to, { ...write, notAfter: undefined }),
    }))
  expect(await failed(() => create(false))).toEqual([])
  expect(await failed(() => create(true))).not.toEqual([])
})

test('a case closes its backend and takes its rows out of every list, also when it fails', async () => {
  const backend = new FullBackend(clock.now)
  let closed = 0
  backend.due = () => Promise.reject(new Error('out of order'))
  backend.close = async () => void (closed += 1)
  const cases = backendContract({ create: () => backend, clock })
  const due = cases.find(({ name }) => name.startsWith('the due rows'))
  await expect(due!.run()).rejects.toThrow('out of order')
  expect(closed).toBe(1)
  expect(backend.rows.size).toBeGreaterThan(0)
  expect(
    [...backend.rows.values()].filter(({ index }) => index.state !== undefined || index.dueAt !== undefined),
  ).toEqual([])
})

test('cases may share one database', async () => {
  const backend = new FullBackend(clock.now)
  const cases = backendContract({ create: () => backend, clock })
  for (let round = 0; round < 2; round += 1) for (const { run } of cases) await run()
})

test('messages name the expected and the actual value', async () => {
  const create = (): Backend =>
    spoiled((backend) => ({ read: async () => ({ now: (await backend.read('')).now + 0.5 }) }))
  const [read] = backendContract({ create, clock })
  await expect(read!.run()).rejects.toThrow(/^Expected `now` to be whole milliseconds, got \d+\.5\.$/)
})

test('names are all different', () => {
  const names = backendContract({ create: () => new MapBackend() }).map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
