import { expect, test } from 'vitest'

import { Grants } from '../../src/grants.ts'
import { memoryStore, OAuth2Client } from '../../src/index.ts'
import { type FakeClock, fakeClock, scriptedProvider } from '../../src/testing/index.ts'
import { deferred } from '../../src/util/async.ts'
import { world, connected, wrapStore } from '../refresh/setup.ts'

test('grants over a store that needs no closing reject everything once they are closed', async () => {
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock)
  const { documents } = grants
  await grants.close()
  const requests = server.requests.length
  const first = async (list: AsyncIterable<unknown>): Promise<unknown> => {
    for await (const each of list) return each
    return undefined
  }
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    changes: () => grants.changes(),
    complete: () => grants.complete('/callback', undefined, { client: 'acme', subject: 'f', unsolicited: true }),
    connect: () => grants.connect('acme', 'f'),
    counts: () => grants.counts(),
    disconnect: () => grants.disconnect('acme', 'f'),
    disconnectSubject: () => grants.disconnectSubject('f'),
    'documents.get': () => documents.get('a'),
    'documents.list': () => first(documents.list('')),
    'documents.put': () => documents.put('a', 'b', { version: 0 }),
    list: () => first(grants.list()),
    keepFresh: async () => grants.keepFresh(),
    recheck: () => grants.recheck(),
    refresh: () => session.refresh(),
    reseal: () => grants.reseal(),
    save: () => grants.save('acme', 'g', server.issue('g')),
    session: async () => grants.session('acme', 'other'),
    status: () => grants.status('acme', 'f'),
  }
  for (const [name, call] of Object.entries(calls)) {
    await expect(call(), name).rejects.toMatchObject({ code: 'config_error', message: expect.stringMatching(/closed/) })
  }
  expect(server.requests.length).toBe(requests)
  await grants.close()
})

test.each(['complete', 'disconnect'])('close() waits for a %s in progress, and its outcome is kept', async (what) => {
  const clock = fakeClock()
  const { grants, provider, released, store } = held(clock)
  const pending = await grants.connect('acme', 'alice')
  if (what === 'disconnect') {
    released.resolve()
    await grants.complete(provider.login(pending.url), pending, { subject: 'alice' })
  }
  const work =
    what === 'complete'
      ? grants.complete(provider.login(pending.url), pending, { subject: 'alice' })
      : grants.disconnect('acme', 'alice')
  let isClosed = false
  const closing = grants.close().then(() => (isClosed = true))
  await clock.advance(1000)
  if (what === 'complete') expect(isClosed).toBe(false)
  released.resolve()
  await work
  await closing
  const { record } = await store.read({ client: 'acme', subject: 'alice', account: '' })
  expect(record === undefined).toBe(what === 'disconnect')
  await expect(grants.connect('acme', 'alice')).rejects.toThrow('closed')
})

test('close() waits for the deletion of a grant', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const released = deferred()
  const store = wrapStore(inner, async (operation, real) => {
    if (operation === 'delete') await released.promise
    return real()
  })
  const { process, server } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock)
  const ending = grants.disconnect('acme', 'f')
  let isClosed = false
  const closing = grants.close().then(() => (isClosed = true))
  await clock.advance(1000)
  expect(isClosed).toBe(false)
  released.resolve()
  await ending
  await closing
  expect(server.revoked).toEqual(['rt-f-0'])
})

test('while close() waits for a login, nothing else begins', async () => {
  const clock = fakeClock()
  const { grants, provider, released } = held(clock)
  const [pending, another] = [await grants.connect('acme', 'alice'), await grants.connect('acme', 'bob')]
  const login = grants.complete(provider.login(pending.url), pending, { subject: 'alice' })
  const closing = grants.close()
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    complete: () => grants.complete(provider.login(another.url), another, { subject: 'bob' }),
    connect: () => grants.connect('acme', 'bob'),
    disconnectSubject: () => grants.disconnectSubject('bob'),
    keepFresh: async () => grants.keepFresh(),
    recheck: () => grants.recheck(),
    reseal: () => grants.reseal(),
  }
  for (const [name, call] of Object.entries(calls)) {
    await expect(call(), name).rejects.toMatchObject({ code: 'config_error', message: expect.stringMatching(/closed/) })
  }
  released.resolve()
  expect((await login).key.subject).toBe('alice')
  await closing
})

test('a second close() opens nothing', async () => {
  const { grants } = held(fakeClock())
  await grants.close()
  const again = grants.close()
  expect(() => grants.session('acme', 'alice')).toThrow('closed')
  await again
})

test('close() waits 30 s at most for a login', async () => {
  const clock = fakeClock()
  const { grants, provider } = held(clock)
  const pending = await grants.connect('acme', 'alice')
  void grants.complete(provider.login(pending.url), pending, { subject: 'alice' }).catch(() => undefined)
  await clock.advance(1000)
  let isClosed = false
  const closing = grants.close().then(() => (isClosed = true))
  await clock.advance(29_000)
  expect(isClosed).toBe(false)
  await clock.advance(2000)
  await closing
})

/** Grants whose provider responds to a code once that is released. */
function held(clock: FakeClock) {
  const provider = scriptedProvider({ clock })
  const released = deferred()
  const store = memoryStore({ clock })
  const acme = new OAuth2Client({
    provider: provider.provider,
    clientId: 'c',
    clientSecret: 'a-client-secret',
    redirectUri: 'https://app.example/callback',
    scope: ['read'],
    timeoutMs: 60_000,
    clock,
    fetch: async (...request) => {
      await released.promise
      return provider.fetch(...request)
    },
  })
  return { grants: new Grants({ clients: { acme }, store, clock }), provider, released, store }
}
