import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, key, settled, world, wrapStore } from './setup.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Waits until unreferenced objects are collected. */
async function collected(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test.each(['the store was down', 'the response was late'] as const)(
  'close() waits for the token of a worker’s refresh for which %s, even if the live grant was collected',
  async (why) => {
    const clock = fakeClock()
    let isDown = false
    const inner = memoryStore({ clock })
    const store = wrapStore(inner, (operation, real) =>
      isDown && operation === 'commit' ? Promise.reject(new Error('down')) : real(),
    )
    const { process, server } = world({ clock, store })
    await connected(process(), server, clock)
    const grants = process()
    await clock.advance(HOUR - 1000)
    isDown = why === 'the store was down'
    let answer = (): void => undefined
    if (!isDown) server.faults.push({ hangUntil: new Promise((resolve) => (answer = resolve)) })
    const worker = grants.keepFresh()
    await clock.advance(12_000)
    await worker.stop()
    await collected()
    const closing = grants.close()
    await collected()
    isDown = false
    answer()
    await settled(clock, closing)
    const { record } = await inner.read(key())
    expect(record?.version).toBe(2)
  },
)
