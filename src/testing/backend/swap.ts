import { check, LONG_MS, same, SHORT_MS } from '../contract/stage.ts'
import { type Case, indexOf, type Stage } from './stage.ts'

const AT_ONCE = 20

/** Fails unless one of many swaps from the same revision writes, and each other one returns that one's row. */
async function oneWins(stage: Stage, key: string, from: string | undefined): Promise<void> {
  const swaps = await Promise.all(Array.from({ length: AT_ONCE }, () => stage.swap(key, from)))
  const winners = swaps.filter(({ swapped }) => swapped)
  same(winners.length, 1, `the number of swaps that wrote, of ${AT_ONCE} at once`)
  const row = await stage.read(key)
  same(row?.revision, winners[0]?.revision, "the row's revision")
  for (const loser of swaps) if (!loser.swapped) same(loser.row, row, 'the row that a loser got')
}

export const swapCases: readonly Case[] = [
  [
    'a read returns the time in whole milliseconds, and no row for an unknown key',
    async (stage) => {
      const first = await stage.backend.read(stage.key())
      same(first.row, undefined, 'the row under an unknown key')
      check(Number.isSafeInteger(first.now), `Expected \`now\` to be whole milliseconds, got ${first.now}.`)
      await stage.pass(SHORT_MS)
      const passed = (await stage.backend.read(stage.key())).now - first.now
      const isPlausible = passed >= SHORT_MS / 2 && passed < LONG_MS
      check(isPlausible, `Expected \`now\` to be ${SHORT_MS} greater ${SHORT_MS} ms later, got ${passed}.`)
    },
  ],
  [
    'a row reads back as a swap wrote it, durable or not',
    async (stage) => {
      const first = await stage.written(stage.key())
      same(await stage.read(stage.key()), first, 'the first row')
      const second = await stage.written(stage.key(), { durable: false }, first)
      same(await stage.read(stage.key()), second, 'the second row')
      const other = await stage.written(stage.key('other'), { durable: false })
      same([await stage.read(stage.key('other')), await stage.read(stage.key())], [other, second], 'both rows')
    },
  ],
  [
    'of twenty concurrent swaps from nothing, one writes and the others return its row',
    (stage) => oneWins(stage, stage.key(), undefined),
  ],
  [
    'of twenty concurrent swaps from one revision, one writes and the others return its row',
    async (stage) => oneWins(stage, stage.key(), (await stage.written(stage.key())).revision),
  ],
  [
    'a swap from another revision writes nothing and returns the row',
    async (stage) => {
      const key = stage.key()
      const first = await stage.written(key)
      const row = await stage.written(key, {}, first)
      const index = { forgetAt: 0 }
      for (const from of [first.revision, 'unknown', '']) {
        const { swapped, row: there } = await stage.swap(key, from, { index })
        same([swapped, there], [false, row], 'a swap from a revision that is not there')
      }
      same([await stage.read(key), await stage.list({})], [row, [key]], 'the row and its index after it')
    },
  ],
  [
    'a swap from nothing writes nothing if there is a row, also a row without a state',
    async (stage) => {
      const key = stage.key()
      let row = await stage.written(key)
      const lost = await stage.swap(key, undefined)
      same([lost.swapped, lost.row], [false, row], 'a swap from nothing over a row')
      row = await stage.written(key, { index: { forgetAt: (await stage.backend.read(key)).now } }, row)
      const again = await stage.swap(key, undefined)
      same([again.swapped, again.row], [false, row], 'a swap from nothing over a row without a state')
      same(await stage.read(key), row, 'the row after it')
    },
  ],
  [
    'a swap from a revision writes nothing if there is no row',
    async (stage) => {
      const lost = await stage.swap(stage.key(), 'unknown')
      same([lost.swapped, lost.row], [false, undefined], 'a swap from a revision over nothing')
      same(await stage.read(stage.key()), undefined, 'the row after it')
    },
  ],
  [
    'nothing is written after `notAfter`, and the row is returned',
    async (stage) => {
      if (stage.backend.guards === false) return
      const key = stage.key()
      const row = await stage.written(key)
      const { now } = await stage.backend.read(key)
      const late = await stage.swap(key, row.revision, { notAfter: now - 1, index: {} })
      same([late.swapped, late.row], [false, row], 'a swap that came too late')
      check(
        late.now > now - 1,
        `Expected \`now\` of a swap that came too late to be after \`notAfter\`, got ${late.now}.`,
      )
      const first = await stage.swap(stage.key('nothing'), undefined, { notAfter: now - 1 })
      same([first.swapped, first.row], [false, undefined], 'a swap from nothing that came too late')
      same(await stage.read(stage.key('nothing')), undefined, 'the row under its key')
      await stage.pass(SHORT_MS)
      const slept = await stage.swap(key, row.revision, { notAfter: now + SHORT_MS / 2 })
      same([slept.swapped, slept.row], [false, row], 'a swap whose time passed since the row was read')
      same([await stage.read(key), await stage.list({})], [row, [key]], 'the row and its index after it')
      await stage.written(key, { notAfter: now + LONG_MS }, row)
    },
  ],
  [
    'an absent sealed text keeps the stored one, and an empty one replaces it',
    async (stage) => {
      let row = await stage.written(stage.key(), { sealed: 'first' })
      for (const sealed of [undefined, 'second', undefined, '', undefined]) {
        row = await stage.written(stage.key(), { sealed, sameIndex: true }, row)
        same(await stage.read(stage.key()), row, `the row after a write with the sealed text ${JSON.stringify(sealed)}`)
      }
    },
  ],
  [
    '`sameIndex` changes `dueAt` only, and the row is found as before',
    async (stage) => {
      const key = stage.key()
      const index = indexOf(key)
      let row = await stage.written(key, { index: { ...index, dueAt: 20 } })
      const found = async (before: number): Promise<unknown[]> => [
        await stage.list({ subject: index.subject, state: 'active' }),
        (await stage.due(before)).map(({ revision }) => revision),
      ]
      row = await stage.written(key, { sameIndex: true, index: { ...index, dueAt: 30 } }, row)
      same(await found(29), [[key], []], 'the row in a list, and due before its new time')
      same(await found(30), [[key], [row.revision]], 'the row in a list, and due at its new time')
      row = await stage.written(key, { sameIndex: true, index }, row)
      same(await found(30), [[key], []], 'the row in a list, and due without a time')
      await stage.written(key, { index: { ...index, state: 'reauthorization_required' } }, row)
      same(await found(30), [[], []], 'the active row after its state changed')
      same(await stage.list({ state: 'reauthorization_required' }), [key], 'the list of its new state')
    },
  ],
]
