import { expect, test } from 'vitest'
import type { ListedGrant } from '../../src/index.ts'
import { storeOver } from '../../src/stores/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, settled, world, wrapStore } from '../refresh/setup.ts'
import { MapBackend } from '../stores/map-backend.ts'

const all = async (grants: AsyncIterable<ListedGrant>): Promise<ListedGrant[]> => {
  const found: ListedGrant[] = []
  for await (const grant of grants) found.push(grant)
  return found
}
const subjects = (grants: readonly ListedGrant[]) => grants.map(({ subject }) => subject)

const clock = fakeClock()
const stores: Record<string, () => GrantStore> = {
  'a store that has pages': () => memoryStore({ clock }),
  'a store over a backend without pages': () => storeOver(new MapBackend(clock.now), { clock }),
  'a foreign store without pages': () => wrapStore(memoryStore({ clock })),
}

for (const [name, open] of Object.entries(stores)) {
  const connectedWorld = async (names: readonly string[]) => {
    const { server, process } = world({ clock, store: open() })
    const grants = process()
    for (const subject of names) await connected(grants, server, clock, HOUR, subject)
    return { grants, server }
  }

  test(`${name}: a list is in the order of the keys, and continues after any cursor`, async () => {
    const { grants } = await connectedWorld(['b', 'c', 'a', '~', 'B'])
    const listed = await all(grants.list())
    expect(subjects(listed)).toEqual(['B', 'a', 'b', 'c', '~'])
    for (const [index, { cursor }] of listed.entries()) {
      expect(await all(grants.list({ after: cursor }))).toEqual(listed.slice(index + 1))
    }
    expect(subjects(await all(grants.list({ after: listed[0]!.cursor, limit: 2 })))).toEqual(['a', 'b'])
    expect(await all(grants.list({ client: 'other' }))).toEqual([])
    await expect(all(grants.list({ after: 'nonsense' }))).rejects.toMatchObject({ code: 'config_error' })
    await expect(all(grants.list({ limit: 0 }))).rejects.toMatchObject({ code: 'config_error' })
  })

  test(`${name}: counts are by client and state`, async () => {
    const { grants, server } = await connectedWorld(['a', 'b', 'c'])
    server.kill('b')
    await settled(clock, grants.session('acme', 'b').refresh()).catch(() => undefined)
    const expected = [
      { client: 'acme', state: 'active', count: 2 },
      { client: 'acme', state: 'reauthorization_required', count: 1 },
    ]
    expect(await grants.counts()).toEqual(expected)
    expect(await grants.counts({ client: 'acme' })).toEqual(expected)
    expect(await grants.counts({ client: 'other' })).toEqual([])
    expect(subjects(await all(grants.list({ state: 'reauthorization_required' })))).toEqual(['b'])
  })

  test(`${name}: grants whose refresh is due are found by that time`, async () => {
    const { grants } = await connectedWorld(['a'])
    const [{ nextRefreshAt = 0 } = {}] = await all(grants.list())
    expect(await all(grants.list({ dueBefore: nextRefreshAt - 1 }))).toEqual([])
    expect(subjects(await all(grants.list({ dueBefore: nextRefreshAt })))).toEqual(['a'])
  })
}

test('a status names login and version, in whole milliseconds, and no refresh before the first one', async () => {
  const { server, process } = world({ clock })
  const grants = process()
  const session = await connected(grants, server, clock, HOUR + 0.4)
  const before = (await grants.status('acme', 'f'))!
  expect(before).toMatchObject({ version: 1, id: expect.stringMatching(/^[\w-]{22}$/) as string })
  expect(before).not.toHaveProperty('lastRefreshedAt')
  await settled(clock, session.refresh())
  const after = (await grants.status('acme', 'f'))!
  expect(after).toMatchObject({ version: 2, id: before.id })
  for (const [name, value] of Object.entries(after)) {
    if (name.endsWith('At')) expect(Number.isInteger(value), name).toBe(true)
  }
  expect(after.lastRefreshedAt).toBeGreaterThanOrEqual(before.createdAt)
  await connected(grants, server, clock)
  expect((await grants.status('acme', 'f'))?.id).not.toBe(before.id)
})

test('one damaged record hides no other, and is named after all others were listed', async () => {
  const backend = new MapBackend(clock.now)
  const { server, process } = world({ clock, store: storeOver(backend, { clock }) })
  const grants = process()
  for (const subject of ['a', 'b', 'c']) await connected(grants, server, clock, HOUR, subject)
  const name = JSON.stringify(['acme', 'b', ''])
  const damaged = { ...backend.rows.get(name)!, entry: '{"of":"another application"}' }
  backend.rows.set(name, damaged)
  const found: string[] = []
  const listing = async () => {
    for await (const { subject } of grants.list()) found.push(subject)
  }
  await expect(listing()).rejects.toMatchObject({ code: 'unreadable_record', retryable: false, key: { subject: 'b' } })
  expect(found).toEqual(['a', 'c'])
  const other = process()
  await expect(other.session('acme', 'b').accessToken()).rejects.toThrow('cannot be read')
  await expect(other.save('acme', 'b', server.issue('b'))).rejects.toThrow('cannot be read')
  await expect(other.disconnect('acme', 'b')).rejects.toThrow('cannot be read')
  expect(backend.rows.get(name)).toBe(damaged)
})

test('a key that no store can index is refused before anything is sent', async () => {
  const { server, process } = world({ clock })
  const grants = process()
  const long = 'é'.repeat(120)
  for (const call of [
    () => grants.connect('acme', long),
    () => grants.save('acme', long, server.issue()),
    () => grants.status('acme', long),
    async () => grants.session('acme', 's', { account: 'x'.repeat(700) }),
  ]) {
    await expect(call()).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('700 bytes') as string,
    })
  }
  expect(server.requests).toEqual([])
  await expect(grants.status('acme', 'x'.repeat(600))).resolves.toBeUndefined()
})
