import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { expect, test } from 'vitest'

import { diskFolder, durableCommits } from '../src/harness/disk.ts'
import { interleave, inTurns } from '../src/harness/interleave.ts'
import { numberText, toMarkdown } from '../src/harness/markdown.ts'
import { scoped } from '../src/harness/scoped.ts'
import { inBothOrders } from '../src/harness/slots.ts'
import { spread } from '../src/harness/stats.ts'
import { aimOf, cell } from '../src/harness/table.ts'

test('a spread is the median and the quartiles, between samples their weighted mean', () => {
  expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, q1: 1.75, q3: 3.25, n: 4 })
  expect(spread([7])).toEqual({ median: 7, q1: 7, q3: 7, n: 1 })
  expect(() => spread([])).toThrow('at least one sample')
})

test('contestants run in turns, another first in each round, and a warm-up is not counted', async () => {
  const order: string[] = []
  const contestant = (name: string) => ({
    name,
    run: async (round: number) => {
      order.push(`${name}${round}`)
      return round
    },
  })
  const results = await interleave(2, ['a', 'b', 'c'].map(contestant))
  expect(order).toEqual(['a-1', 'b-1', 'c-1', 'a0', 'b0', 'c0', 'b1', 'c1', 'a1'])
  expect(Object.fromEntries(results)).toEqual({ a: [0, 1], b: [0, 1], c: [0, 1] })
  await expect(interleave(1, ['a', 'a'].map(contestant))).rejects.toThrow('different names')
})

test('numbers show three digits, and large ones none after the point', () => {
  expect([0.1234, 1.234, 12.34, 123.4, 1234.5, 3].map(numberText)).toEqual(['0.12', '1.2', '12.3', '123', '1,235', '3'])
})

test('a section names its command, its rows, and which aims were missed', () => {
  const text = toMarkdown(
    {
      name: 'token',
      title: 'The token at hand',
      columns: ['', 'ns'],
      rows: [['Evergrant | fresh', { median: 120.4, q1: 110, q3: 130, n: 5 }]],
      notes: ['A note.'],
      aims: [{ aim: 'under 100', measured: '120', met: false, why: 'Because.' }],
    },
    { date: '2026-01-02', machine: 'a machine', versions: { node: '24.0.0' } },
  )
  expect(text).toContain('`npm run bench -- token --full`')
  expect(text).toContain('| Evergrant \\| fresh | 120 (110–130) |')
  expect(text).toContain('- **Missed**: under 100. Measured: 120. Because.')
  expect(text).toContain('Measured 2026-01-02 with Node 24.0.0 on a machine.')
})

test('of two things each comes first as often as the other, and what is measured first does not count', async () => {
  const order: string[] = []
  const measure = (name: string) => async () => order.push(name)
  const pairs = await inBothOrders(2, measure('base'), measure('own'))
  expect(order.join(' ')).toBe('base own own base '.repeat(3).trim())
  expect(pairs).toEqual([
    { base: [5, 8], own: [6, 7] },
    { base: [9, 12], own: [10, 11] },
  ])
})

test('a row that was not run has nothing, and warm-ups do not count', async () => {
  const order: string[] = []
  const run = async (row: string) => order.push(row)
  const of = await inTurns(1, ['a', 'b'], run, (row) => run(`warm ${row}`))
  expect(order).toEqual(['warm a', 'warm b', 'a', 'b'])
  expect(['a', 'b', 'c'].map(of)).toEqual([[3], [4], []])
})

test('what was opened is closed, the last first, also where the work fails', async () => {
  const order: string[] = []
  const closable = (name: string) => ({ close: async () => void order.push(name) })
  const work = scoped(async (own) => {
    own(closable('first'))
    own(closable('last'))
    throw new Error('failed')
  })
  await expect(work).rejects.toThrow('failed')
  expect(order).toEqual(['last', 'first'])
})

test('a cell has its unit, or a dash for nothing, and only a missed aim says why', () => {
  expect([cell([]), cell([2], 'ms')]).toEqual(['–', { median: 2, q1: 2, q3: 2, n: 1, unit: 'ms' }])
  expect(aimOf('a', 'b', true, 'c')).not.toHaveProperty('why')
  expect(aimOf('a', 'b', false, 'c').why).toBe('c')
})

test('each durable commit is one row in the file, and a folder is gone when it is closed', async () => {
  const folder = await diskFolder()
  const file = join(folder.path, 'rows.db')
  expect(await durableCommits(file, 3)).toMatchObject({ calls: 3 })
  const database = new DatabaseSync(file)
  expect(database.prepare('SELECT count(*) AS n FROM rows').get()).toEqual({ n: 3 })
  database.close()
  await folder.close()
  expect(existsSync(folder.path)).toBe(false)
})
