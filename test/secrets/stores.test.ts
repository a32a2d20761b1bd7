import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { StoreError } from '../../src/model/errors.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { grantsOf, POLICY, temporaryFile, until } from '../integration/setup.ts'
import { type Operation, OPERATIONS, wrapStore } from '../refresh/setup.ts'
import { begin, bytesOf, LIFETIME_MS, mint, stage } from './setup.ts'

/** A store whose failing operation repeats its parameters in the error, as drivers do. */
function talkative(store: GrantStore, fails: (operation: Operation) => boolean): GrantStore {
  return wrapStore(store, (operation, real, parameters) => {
    if (!fails(operation)) return real()
    const text = `${operation} failed with ${JSON.stringify(parameters)}`
    return Promise.reject(Object.assign(new Error(text, { cause: new Error(text) }), { parameters, code: 'EIO' }))
  })
}

test('a store that fails and repeats its parameters shows no secret and loses no grant', async () => {
  let failing: Operation | 'all' | undefined
  /** Number of times that each operation failed. */
  const struck = new Map<Operation | 'all', number>()
  const fails = (name: Operation): boolean => {
    if (failing !== name && failing !== 'all') return false
    struck.set(failing, (struck.get(failing) ?? 0) + 1)
    return true
  }
  const onStage = await stage({ store: (store) => talkative(store, fails) })
  const { clock, grants, out, planted, provider, run, file } = onStage
  const failures: Partial<Record<Operation | 'all', number>> = {}
  for (const operation of [...OPERATIONS, 'all' as const]) {
    const subject = `user of ${operation}`
    const session = await mint(onStage, subject)
    const { pending, callback } = await begin(onStage, 'bob')
    clock.travel(60_000)
    failing = operation
    // A lease is released after a refresh without a result.
    if (operation === 'release') provider.fault('server_error', { on: 'refresh' })
    const spent = grants.session('acme', subject)
    const all = Promise.all([
      run(`${operation}: refresh`, () => spent.refresh()),
      run(`${operation}: rejected`, async () => spent.token({ rejected: 'another one' })),
      run(`${operation}: complete`, () => grants.complete(callback, pending, { subject: 'bob' })),
      run(`${operation}: status`, () => grants.status('acme', subject)),
      run(`${operation}: save`, () =>
        grants.save('acme', 'carol', { access_token: 'an access token', expires_in: 60 }),
      ),
      run(`${operation}: disconnect`, () => grants.disconnect('acme', 'bob')),
      run(`${operation}: recheck`, () => grants.recheck()),
    ])
    // A login waits ten seconds for its store.
    let isOver = false
    void all.then(() => (isOver = true))
    await until(async () => {
      clock.travelToNext()
      return isOver
    }, `the failures of ${operation} were reported`)
    const outcomes = await all
    failures[operation] = outcomes.filter((outcome) => outcome instanceof StoreError).length
    failing = undefined
    // A token that could not be saved is saved once the store works again.
    let token: string | undefined
    await until(async () => {
      clock.travelToNext()
      token = await session.accessToken().catch(() => undefined)
      return token !== undefined
    }, `the grant of ${operation} was served again`)
    expect(await (await session.fetch(provider.metadata.userinfo_endpoint)).json()).toMatchObject({ sub: 'alice' })
  }
  for await (const status of grants.list()) out('list', status)
  for (const operation of [...OPERATIONS, 'all' as const]) expect(struck.get(operation), operation).toBeGreaterThan(0)
  // Callers do not notice a token that is not saved or a lease that is not released.
  const told = (['read', 'put', 'claim', 'delete', 'once', 'all'] as const).filter((each) => failures[each]! > 0)
  expect(told).toEqual(['read', 'put', 'claim', 'delete', 'once', 'all'])
  expect(provider.stats()).toMatchObject({ reuseDetections: 0, revocations: 0 })
  expect(planted.leaksIn(bytesOf(file))).toEqual([])
  expect(onStage.leaks()).toEqual([])
})

test('a token that waits to be saved is in no log, no event and no file', async () => {
  let failing = false
  const onStage = await stage({ store: (store) => talkative(store, (name) => failing && name === 'commit') })
  const { clock, file, grants, planted, provider } = onStage
  const session = await mint(onStage, 'alice')
  clock.travel(LIFETIME_MS)
  failing = true
  const asked = session.accessToken()
  await until(() => provider.stats().redemptions === 1, 'the token was returned')
  clock.travel(6000)
  const token = await asked
  await until(() => {
    clock.travelToNext()
    return grants.told.some(({ name }) => name === 'save_delayed')
  }, 'the delay was reported')
  onStage.out('session', session)
  expect(planted.leaksIn(bytesOf(file))).toEqual([])
  failing = false
  await until(async () => {
    clock.travelToNext()
    return (await onStage.store.read({ client: 'acme', subject: 'alice', account: '' })).record?.version === 2
  }, 'it was saved')
  expect(await session.accessToken()).toBe(token)
  expect(planted.leaksIn(bytesOf(file))).toEqual([])
  expect(onStage.leaks()).toEqual([])
})

test.for<[string, (file: string) => void]>([
  ['has no table', (file) => change(file, 'DROP TABLE evergrant_records')],
  [
    'has another table under that name',
    (file) => change(file, 'ALTER TABLE evergrant_records RENAME COLUMN sealed TO other'),
  ],
])('an SQLite file that %s causes a StoreError without secrets', async ([, spoil]) => {
  const onStage = await stage()
  const { grants, run, file } = onStage
  const session = await mint(onStage, 'alice')
  const { pending, callback } = await begin(onStage, 'bob')
  spoil(file)
  const outcomes = [
    await run('refresh', () => session.refresh()),
    await run('status', () => grants.status('acme', 'alice')),
    await run('complete', () => grants.complete(callback, pending, { subject: 'bob' })),
    await run('disconnect', () => grants.disconnect('acme', 'alice')),
  ]
  for (const outcome of outcomes) expect(outcome).toMatchObject({ name: 'StoreError', retryable: true })
  expect(onStage.leaks()).toEqual([])
  expect(onStage.planted.leaksIn(bytesOf(file))).toEqual([])
})

function change(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

test('a database that is full, or was closed, causes a StoreError without secrets', async () => {
  const onStage = await stage()
  const { client, clock, keys, logger, run, provider, planted } = onStage
  const file = temporaryFile('full.db')
  const database = new DatabaseSync(file)
  const store = sqliteStore(database, { clock })
  const grants = grantsOf(client, { store, keys, clock, logger, policy: POLICY })
  const minted = await provider.mint({ count: 200, idToken: true })
  for (const { access_token, refresh_token } of minted) {
    planted.add('minted', access_token)
    planted.add('minted', refresh_token)
  }
  await grants.save('acme', 'user 0', minted[0]!)
  const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number }
  database.exec(`PRAGMA max_page_count = ${pages}`)
  const saved: unknown[] = []
  for (const [index, grant] of minted.entries()) {
    const saving = run('save', () => grants.save('acme', `user ${index}`, grant))
    while (await Promise.race([saving.then(() => false), new Promise((resolve) => setImmediate(resolve, true))]))
      clock.travelToNext()
    saved.push(await saving)
    if (saved.at(-1) instanceof Error) break
  }
  expect(saved.at(-1)).toMatchObject({ name: 'StoreError', message: expect.stringContaining('full') as string })
  database.close()
  const session = grants.session('acme', 'user 0')
  expect(await run('closed', () => session.refresh())).toBeInstanceOf(StoreError)
  // A token in memory is returned nevertheless.
  expect(await session.accessToken()).toBe(minted[0]!.access_token)
  expect(planted.leaksIn(bytesOf(file))).toEqual([])
  expect(onStage.leaks()).toEqual([])
})
