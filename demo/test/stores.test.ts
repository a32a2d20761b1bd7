import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKey } from 'evergrant/seal'
import { startProvider } from '@evergrant/provider'
import { expect, onTestFinished, test } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { startDemo, type Demo } from '../src/start-demo.ts'
import type { StoreChoice } from '../src/store/store-choice.ts'
import { presentOrSkip } from '../../test/servers/index.ts'
import { runMain } from './run-main.ts'
import { serverStores } from './servers.ts'
import { demoWith, freePort, json, logIn, settingsOf, temporaryFolder, titleOf } from './setup.ts'

const post = { method: 'POST' }

test.for(serverStores)('all routes work on $name as they do on SQLite', async ({ name, open }, context) => {
  const store = presentOrSkip(context, await open(), name)
  const demo = await demoWith({ store })
  const { browser, page } = await logIn(demo)
  expect(titleOf(page)).toBe('Menu')
  expect(page.text).toContain(`${store.kind === 'redis' ? 'Redis' : 'PostgreSQL'} at 127.0.0.1`)
  expect((await json(browser, demo.at('/profile'))).body).toMatchObject({ sub: 'alice' })
  const automatic = await json(browser, demo.at('/automatic_refresh'))
  const manual = await json(browser, demo.at('/manual_refresh'))
  expect(manual.body['previous_fingerprint']).toBe(automatic.body['fingerprint'])
  expect((await json(browser, demo.at('/validate'))).body).toMatchObject({ sub: 'alice' })
  expect((await json(browser, demo.at('/storm'), post)).body).toMatchObject({
    evergrant: { redemptions: 1, answered: 50, alive: true },
  })
  await json(browser, demo.at('/faults/unavailable/on'), post)
  expect((await json(browser, demo.at('/faults/unavailable/off'), post)).body).toMatchObject({
    store: { state: 'active' },
  })
  expect(titleOf(await browser.open(demo.at('/logout'), post))).toBe('Logged out')
  await logIn(demo, { browser })
  expect(titleOf(await browser.open(demo.at('/disconnect'), post))).toBe('Disconnected')
  expect((await json(browser, demo.at('/menu'))).status).toBe(401)
  expect(demo.errors).toEqual([])
})

/** Two demos that have nothing in common but the store, the keys and the provider. */
async function twoInstances(store: StoreChoice): Promise<{ demos: Demo[]; redemptions: () => number }> {
  const ports = [await freePort(), await freePort()]
  // Slow enough that what two instances are asked for at the same time meets.
  const provider = await startProvider({
    rotate: true,
    latencyMs: 300,
    redirectUris: ports.map((port) => `http://localhost:${port}/callback`),
  })
  onTestFinished(() => provider.close())
  const { clientId, clientSecret, url } = provider
  const common = {
    store,
    secretsFile: undefined,
    keys: `shared:${generateKey()}`,
    cookiePassword: generateKey(),
    upstream: { kind: 'issuer', issuer: url, clientId, clientSecret, scope: 'openid email profile' },
  } as const
  const demos = await Promise.all(ports.map((port) => startDemo({ settings: settingsOf({ ...common, port }) })))
  for (const demo of demos) onTestFinished(() => demo.close())
  return { demos, redemptions: () => provider.stats().redemptions }
}

const stores = [
  {
    name: 'SQLite',
    open: async (): Promise<StoreChoice> => ({ kind: 'sqlite', file: join(temporaryFolder(), 'demo.db') }),
  },
  ...serverStores,
]

test.for(stores)(
  'two instances on one $name at once share one login, one grant and one refresh',
  async ({ name, open }, context) => {
    const store = presentOrSkip(context, await open(), name)
    const { demos, redemptions } = await twoInstances(store)
    const [first, second] = demos as [Demo, Demo]
    const { browser } = await logIn(first)
    const at = (path: string): string[] => [first, second].map(({ url }) => new URL(path, url).href)
    // Nobody logs in at the second one: the browser's session is good at both.
    const profiles = await Promise.all(at('/profile').map((url) => json(browser, url)))
    expect(profiles.map(({ body }) => body['sub'])).toEqual(['alice', 'alice'])
    // Both are asked for a new token at once, and only one of them redeems.
    for (const round of [1, 2, 3]) {
      const answers = await Promise.all(at('/manual_refresh').map((url) => json(browser, url)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      expect(answers[0]?.body['fingerprint']).toBe(answers[1]?.body['fingerprint'])
      expect(redemptions()).toBe(round)
    }
    const [here, there] = await Promise.all(at('/validate').map((url) => json(browser, url)))
    expect(here?.status).toBe(200)
    expect(there?.status).toBe(200)
    expect((await browser.open(new URL('/disconnect', second.url).href, post)).status).toBe(200)
    expect((await json(browser, new URL('/menu', first.url).href)).status).toBe(401)
  },
)

test.each([
  [{ DATABASE_URL: 'postgres://demo:secret@127.0.0.1:1/grants' }, 'PostgreSQL at 127.0.0.1:1/grants'],
  [{ DATABASE_URL: 'postgres://demo:secret@localhost:1/grants' }, 'PostgreSQL at localhost:1/grants'],
  [{ REDIS_URL: 'redis://demo:secret@127.0.0.1:1' }, 'Redis at 127.0.0.1:1'],
])('the demo says in one line that the store can’t be reached, without its password: %j', async (env, title) => {
  const keys = { EVERGRANT_KEYS: `a:${generateKey()}`, COOKIE_PASSWORD: generateKey() }
  const run = runMain({ PORT: '0', PROVIDER_PORT: '0', ...keys, ...env })
  expect(await run.ended).toBe(1)
  expect(run.errors).toHaveLength(1)
  expect(run.errors[0]).toContain(title)
  expect(run.errors[0]).toContain('ECONNREFUSED')
  expect(run.errors[0]).not.toContain('secret')
})

test('the demo says in one line that the SQLite file can’t be opened, or its secrets can’t be kept', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const keys = { EVERGRANT_KEYS: `a:${generateKey()}`, COOKIE_PASSWORD: generateKey() }
  for (const [env, message] of [
    [{ ...keys, DATABASE: folder }, 'Is DATABASE right'],
    [{ DATABASE: join(file, 'demo.db') }, "The secrets can't be kept"],
  ] as const) {
    const run = runMain({ PORT: '0', PROVIDER_PORT: '0', ...env })
    expect(await run.ended).toBe(1)
    expect(run.errors).toEqual([expect.stringContaining(message)])
  }
})

test.each([
  [{ DATABASE_URL: 'mysql://127.0.0.1/x' }, 'DATABASE_URL'],
  [{ REDIS_URL: 'nonsense' }, 'REDIS_URL'],
  [{ DATABASE_URL: 'postgres://127.0.0.1/x', REDIS_URL: 'redis://127.0.0.1' }, 'not both'],
  [{ COOKIE_PASSWORD: 'short' }, 'COOKIE_PASSWORD'],
])('the demo refuses impossible store settings: %j', (env, message) => {
  expect(() => readSettings(env)).toThrow(message)
})
