import { check, same } from '../contract/stage.ts'
import type { DueRows, Row } from '../../stores/backend.ts'
import { type Case, indexOf, type Stage } from './stage.ts'

const subjects = (rows: readonly Row[]): string[] => rows.map(({ key }) => (JSON.parse(key) as [string, string])[1])

/** Writes rows that are due at these times. */
async function withTimes(stage: Stage, times: Readonly<Record<string, number>>): Promise<void> {
  for (const [subject, dueAt] of Object.entries(times)) {
    const key = stage.key(subject)
    await stage.written(key, { index: { ...indexOf(key), dueAt } })
  }
}

async function due(stage: Stage, before: number, request?: Partial<DueRows>): Promise<string[]> {
  return subjects(await stage.due(before, request))
}

export const dueCases: readonly Case[] = [
  [
    'the due rows are those whose time has come, the longest due first',
    async (stage) => {
      await withTimes(stage, { third: 30, first: 10, second: 20, exactly: 1000, 'not yet': 1001 })
      const key = stage.key('never')
      const row = await stage.written(key)
      same(await due(stage, 1000), ['first', 'second', 'third', 'exactly'], 'the due rows')
      same(await due(stage, 9), [], 'the due rows before any is due')
      await stage.written(key, { index: { ...indexOf(key), dueAt: 15 } }, row)
      same(await due(stage, 29), ['first', 'never', 'second'], 'the due rows after one got a time')
      same(
        await stage.due(15, { limit: 2 ** 31 - 1 }),
        [await stage.read(stage.key('first')), await stage.read(key)],
        'the rows themselves',
      )
      const { now, rows } = await stage.backend.due({ before: -1, limit: 1, schema: 1 })
      same([Number.isSafeInteger(now), rows], [true, []], 'whole milliseconds, and the rows that were due before 1970')
    },
  ],
  [
    'no further rows are due than the limit, and those are the longest due',
    async (stage) => {
      await withTimes(stage, { b: 2, c: 3, a: 1 })
      const { rows } = await stage.backend.due({ before: 1000, limit: 2, schema: 1 })
      check(rows.length <= 2, `Expected at most 2 due rows, got ${rows.length}.`)
      // Rows of other runs may come before.
      const own = subjects(rows.filter(({ key }) => key.includes(stage.client)))
      same(own, ['a', 'b'].slice(0, own.length), 'the rows of this case')
    },
  ],
  [
    'a row of a newer schema is not due',
    async (stage) => {
      for (const schema of [1, 2, 3]) {
        const key = stage.key(`${schema}`)
        await stage.written(key, { index: { ...indexOf(key), schema, dueAt: schema } })
      }
      same(await due(stage, 10, { schema: 2 }), ['1', '2'], 'the due rows of schema 2')
      same(await due(stage, 10, { schema: 1, reserveMs: 1 }), ['1'], 'the due rows of schema 1')
    },
  ],
  [
    'a reserved row has one taker',
    async (stage) => {
      await withTimes(stage, { a: 1, b: 2, c: 3 })
      const takers = await Promise.all(Array.from({ length: 5 }, () => due(stage, 1000, { reserveMs: 5000 })))
      same(takers.flat().toSorted(), ['a', 'b', 'c'], 'the rows that five callers got together')
      same(await due(stage, 5999, { reserveMs: 5000 }), [], 'the due rows right before the reservation ends')
      same((await due(stage, 6000)).toSorted(), ['a', 'b', 'c'], 'the due rows when it ends')
    },
  ],
  [
    'only rows that are returned are reserved',
    async (stage) => {
      await withTimes(stage, { a: 1, b: 2, c: 3 })
      await stage.due(2, { reserveMs: 5000 })
      same(await due(stage, 1000), ['c'], 'the due rows after two were reserved')
      await stage.due(1000)
      same(await due(stage, 1000), ['c'], 'the due rows after they were read without a reservation')
    },
  ],
  [
    'a reservation changes no revision, and the row is listed as before',
    async (stage) => {
      await withTimes(stage, { a: 1 })
      const row = await stage.read(stage.key('a'))
      same(await stage.due(1000, { reserveMs: 5000 }), [row], 'the reserved row')
      same([await stage.read(stage.key('a')), await stage.list({})], [row, [stage.key('a')]], 'the row and its list')
      await stage.written(stage.key('a'), { sameIndex: true }, row)
    },
  ],
  [
    'a write ends a reservation',
    async (stage) => {
      for (const sameIndex of [true, false]) {
        const key = stage.key(`${sameIndex}`)
        const index = { ...indexOf(key), dueAt: 1 }
        const row = await stage.written(key, { index })
        await stage.due(1000, { reserveMs: 5000 })
        await stage.written(key, { index, sameIndex }, row)
        same(await due(stage, 1000), [`${sameIndex}`], 'the due rows after the write')
        await stage.written(key, {}, await stage.read(key))
        same(await due(stage, 10_000), [], 'the due rows after a write without a time')
      }
    },
  ],
]
