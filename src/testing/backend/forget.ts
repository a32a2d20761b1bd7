import { same } from '../contract/stage.ts'
import { type Case, indexOf, type Stage } from './stage.ts'

/** How much later than its `forgetAt` a row may be removed. */
const LINGER_MS = 60_000

/** Gives a backend that removes rows occasionally reason to do it. */
async function use(stage: Stage): Promise<void> {
  await stage.written(stage.key('another'), {}, await stage.read(stage.key('another')))
  await stage.due(1)
}

export const forgetCases: readonly Case[] = [
  [
    'a row is kept until a minute after `forgetAt`',
    async (stage) => {
      const key = stage.key()
      const { now } = await stage.backend.read(key)
      const soon = await stage.written(key, { index: { forgetAt: now + (stage.isFast ? LINGER_MS / 2 : 0) } })
      await stage.pass(stage.isFast ? LINGER_MS + 1 : 1)
      await use(stage)
      same(await stage.read(key), soon, 'a row within a minute after its `forgetAt`')
      const { swapped } = await stage.swap(key, soon.revision)
      same(swapped, true, 'a swap over it')
    },
  ],
  [
    'a row that is written without `forgetAt` stays',
    async (stage) => {
      const key = stage.key()
      const left = 1000
      for (let attempt = 0; attempt < 20; attempt += 1) {
        const { now, row } = await stage.backend.read(key)
        const ending = await stage.swap(key, row?.revision, { index: { forgetAt: now - LINGER_MS + left } })
        const { swapped, revision } = await stage.swap(key, ending.revision, { index: indexOf(key) })
        // On a slow machine the row has ended by now, and was rightly removed.
        if (!swapped) continue
        await stage.pass(stage.isFast ? 3 * LINGER_MS : left + 100)
        await use(stage)
        same((await stage.read(key))?.revision, revision, "the row's revision after its first `forgetAt`")
        return
      }
      throw new Error(`Expected a row to be written again within ${left} ms, got 20 that were not.`)
    },
  ],
]
