import { generateKey } from 'evergrant/seal'
import { expect, onTestFinished, test } from 'vitest'
import { Pair } from '../src/pair/pair.ts'
import type { PairView } from '../src/pair/pair-view.ts'
import type { StoreChoice } from '../src/store/store-choice.ts'
import { runMain } from './run-main.ts'
import { serverStores } from './servers.ts'
import { demoWith, json, logIn } from './setup.ts'

const post = { method: 'POST' }

function pidsOf(body: unknown): number[] {
  return (body as PairView).workers.map(({ pid }) => pid ?? 0)
}

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Resolves when what is seen is as wished. */
function until(pair: Pair, isWished: (view: PairView) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const stop = pair.watch(() => {
      if (!isWished(pair.view())) return
      stop()
      resolve()
    })
  })
}

async function killAndRecover(store: StoreChoice): Promise<PairView> {
  const pair = new Pair({ store, keys: `a:${generateKey()}`, onError: () => undefined })
  onTestFinished(() => pair.close())
  const done = until(pair, ({ recovery }) => recovery?.recoveredAt !== undefined)
  await pair.start()
  pair.kill()
  await done
  const view = pair.view()
  await pair.stop()
  return view
}

test('a killed refresh is taken over on PostgreSQL and on Redis', async () => {
  const stores = await Promise.all(serverStores.map(({ open }) => open()))
  const views = await Promise.all(stores.map(async (store) => store && killAndRecover(store)))
  for (const view of views) {
    if (view === undefined) continue
    expect(view).toMatchObject({
      alive: true,
      counters: { redemptions: 2, refreshes: 1, lost: 1, failed: 0, reuseDetections: 0, revocations: 0 },
      recovery: { failed: 0 },
    })
    expect(view.timeline.map(({ kind }) => kind)).toEqual(['refreshed', 'took_over', 'killed', 'started', 'started'])
  }
})

test('the two processes end with the demo, also when that is killed', async () => {
  const run = runMain({ PORT: '0', PROVIDER_PORT: '0' })
  const url = await run.line(/^http:/)
  const { browser } = await logIn({ url })
  const { body } = await json(browser, new URL('/processes/on', url).href, post)
  expect(pidsOf(body).map(runs)).toEqual([true, true])
  run.stop('SIGKILL')
  await run.ended
  // Nobody but the system waits for them: it may take its time to remove what is left of them.
  await expect.poll(() => pidsOf(body).map(runs), { timeout: 10_000 }).toEqual([false, false])
})

test('the two processes end when no page shows them, and are started once', async () => {
  const demo = await demoWith()
  const { browser } = await logIn(demo)
  const [first, second] = await Promise.all([
    json(browser, demo.at('/processes/on'), post),
    json(browser, demo.at('/processes/on'), post),
  ])
  expect(pidsOf(first.body)).toEqual(pidsOf(second.body))
  expect(pidsOf(first.body).map(runs)).toEqual([true, true])
  await expect.poll(() => pidsOf(first.body).map(runs), { timeout: 12_000 }).toEqual([false, false])
  expect(demo.errors).toEqual([])
})

test('with a store of one process there are no two processes', async () => {
  const demo = await demoWith({ store: { kind: 'sqlite', file: ':memory:' }, secretsFile: undefined })
  const { browser, page } = await logIn(demo)
  expect(page.text).not.toContain('id="processes"')
  expect((await json(browser, demo.at('/processes/on'), post)).status).toBe(404)
})
