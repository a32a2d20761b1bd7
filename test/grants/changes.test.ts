import { expect, test } from 'vitest'
import type { Change } from '../../src/index.ts'
import { storeOver } from '../../src/stores/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, key, settled, world, wrapStore } from '../refresh/setup.ts'
import { MapBackend } from '../stores/map-backend.ts'

const DAY = 24 * 3_600_000
const kinds = (changes: readonly Change[]) => changes.map(({ kind }) => kind)

test('the feed has the changes of a grant by every process, and no token', async () => {
  const { clock, server, process } = world()
  const [one, other] = [process(), process()]
  const session = await connected(one, server, clock)
  await settled(clock, session.refresh())
  server.kill()
  await settled(clock, other.session('acme', 'f').refresh()).catch(() => undefined)
  await settled(clock, one.disconnect('acme', 'f'))
  const { changes, next } = await other.changes()
  expect(changes).toMatchObject([
    { kind: 'connected', key: key(), version: 1 },
    { kind: 'reauthorization_required', key: key(), version: 3, reason: 'revoked' },
    { kind: 'disconnected', key: key(), version: 3 },
  ])
  expect(new Set(changes.map(({ id }) => id)).size).toBe(1)
  expect(JSON.stringify(changes)).not.toMatch(/at-f|rt-f/)
  expect(await other.changes({ after: next })).toEqual({ changes: [], next })
})

test('with everyRefresh the feed has each refresh too', async () => {
  const clock = fakeClock()
  const { server, process } = world({ clock, store: memoryStore({ clock, everyRefresh: true }) })
  const session = await connected(process(), server, clock)
  await settled(clock, session.refresh())
  expect(kinds((await process().changes()).changes)).toEqual(['connected', 'refreshed'])
})

test('a grant that a recheck brings back is in the feed', async () => {
  const { clock, server, process, store } = world()
  const grants = process()
  await connected(grants, server, clock)
  const { record } = await store.read(key())
  const claim = {
    id: record!.id,
    version: 1,
    owner: 'o',
    leaseMs: 1,
    settleMs: 0,
    intent: { hash: 'h', sendWithinMs: 1 },
  }
  await store.claim(key(), claim)
  await store.commit(key(), { id: record!.id, version: 1, owner: 'o', verdict: 'revoked' })
  expect(await settled(clock, grants.recheck())).toBe(1)
  expect(kinds((await grants.changes()).changes)).toEqual(['connected', 'reauthorization_required', 'refreshed'])
})

test('the mark of an ended grant whose response is lost is repeated, written once and emitted once', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let lost = 2
  const store = wrapStore(inner, async (operation, real) => {
    const value = await real()
    if (operation === 'commit' && (lost -= 1) >= 0) throw new Error('connection lost')
    return value
  })
  const { server, process, told } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock)
  server.kill()
  await expect(settled(clock, grants.session('acme', 'f').refresh())).rejects.toMatchObject({ reason: 'revoked' })
  expect(told.filter(({ name }) => name === 'reauthorization_required')).toHaveLength(1)
  expect(kinds((await inner.changes!({})).changes)).toEqual(['connected', 'reauthorization_required'])
})

test('a deletion whose response is lost is repeated and emitted once, and the deleted grant is revoked', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  let lost = 1
  const store = wrapStore(inner, async (operation, real) => {
    const value = await real()
    if (operation === 'delete' && (lost -= 1) >= 0) throw new Error('connection lost')
    return value
  })
  const { server, process, told } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock)
  await settled(clock, grants.disconnect('acme', 'f'))
  await settled(clock, grants.close())
  expect(told.filter(({ name }) => name === 'disconnected')).toHaveLength(1)
  expect(server.revoked).toContain('rt-f-0')
  expect(kinds((await inner.changes!({})).changes)).toEqual(['connected', 'disconnected'])
})

test('a disconnection revokes the record that it deleted, not the one read before', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const { server, process: plain } = world({ clock, store: inner })
  let refreshed = false
  const store = wrapStore(inner, async (operation, real) => {
    if (operation === 'delete' && !refreshed) {
      refreshed = true
      await settled(clock, plain().session('acme', 'f').refresh())
    }
    return real()
  })
  await connected(plain(), server, clock)
  const grants = world({ clock, store, client: { provider: server.provider, fetch: server.fetch } }).process()
  await settled(clock, grants.disconnect('acme', 'f'))
  await settled(clock, grants.close())
  expect(server.revoked).toContain('rt-f-1')
})

test('changes are kept for seven days; an older cursor, or one of another store, is expired and names the end', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, undefined, 'a')
  const { next } = await grants.changes()
  await connected(grants, server, clock, undefined, 'b')
  await clock.advance(7 * DAY - 1)
  expect(kinds((await grants.changes({ after: next })).changes)).toEqual(['connected'])
  await clock.advance(1)
  const late = await grants.changes({ after: next })
  expect(late).toMatchObject({ expired: true, changes: [] })
  await connected(grants, server, clock, undefined, 'c')
  expect((await grants.changes({ after: late.next })).changes).toMatchObject([{ key: { subject: 'c' } }])
  expect(await world().process().changes({ after: next })).toMatchObject({ expired: true })
})

test('a store without a feed, or without documents, says so', async () => {
  const clock = fakeClock()
  const backend = new MapBackend(clock.now)
  Object.defineProperty(backend, 'changes', { value: undefined })
  const grants = world({ clock, store: storeOver(backend, { clock }) }).process()
  await expect(grants.changes()).rejects.toMatchObject({ code: 'config_error' })
  const foreign = world({ clock, store: wrapStore(memoryStore({ clock })) }).process()
  await expect(foreign.changes()).rejects.toThrow('no change feed')
  expect(() => foreign.documents).toThrow('no documents')
})
