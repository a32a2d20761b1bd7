import { expect, test } from 'vitest'
import { SealError } from '../../src/model/errors.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import type { UnfinishedError } from '../../src/grants/unfinished.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, HOUR, key, settled, world, wrapStore } from '../refresh/setup.ts'

const [a, b] = [`a:${generateKey()}`, `b:${generateKey()}`]

test('keys are rotated in a running application: add last, promote, reseal, drop', async () => {
  const { clock, server, process, store } = world()
  const first = process({ keys: keyRing(a) })
  for (let index = 0; index < 20; index += 1) await connected(first, server, clock, HOUR, `u${index}`)
  const second = process({ keys: keyRing(`${a},${b}`) })
  expect(await second.reseal()).toEqual({ resealed: 0 })
  const third = process({ keys: keyRing(`${b},${a}`) })
  // Processes of both deployments write at once.
  await settled(clock, Promise.all([second.session('acme', 'u0').refresh(), third.session('acme', 'u1').refresh()]))
  expect((await settled(clock, second.session('acme', 'u1').refresh())).accessToken).toMatch(/^at-u1-/)
  const versions = (await store.read(key('u2'))).record!
  const counts = await Promise.all([third.reseal(), third.reseal()])
  expect(counts[0].resealed + counts[1].resealed).toBe(20)
  expect((await store.read(key('u2'))).record).toMatchObject({
    version: versions.version,
    updatedAt: versions.updatedAt,
  })
  const last = process({ keys: keyRing(b) })
  for (let index = 0; index < 20; index += 1)
    expect(await last.session('acme', `u${index}`).accessToken()).toMatch(/^at-u/)
  expect(await last.reseal()).toEqual({ resealed: 0 })
})

test('a reseal that stopped in the middle continues where it was', async () => {
  const clock = fakeClock()
  const inner = memoryStore({ clock })
  const store = wrapStore(inner)
  const { server, process } = world({ store, clock })
  const before = process({ keys: keyRing(a) })
  for (let index = 0; index < 10; index += 1) await connected(before, server, clock, HOUR, `u${index}`)
  let left = 4
  Object.assign(store, {
    reseal: (...args: Parameters<typeof inner.reseal>) =>
      (left -= 1) < 0 ? Promise.reject(new Error('killed')) : inner.reseal(...args),
  })
  const grants = process({ keys: keyRing(`${b},${a}`) })
  await expect(grants.reseal()).rejects.toThrow()
  left = 100
  expect(await grants.reseal()).toEqual({ resealed: 6 })
})

test('with a key missing, reseal says which and changes nothing', async () => {
  const { clock, server, process, store } = world()
  await connected(process({ keys: keyRing(a) }), server, clock, HOUR)
  const before = (await store.read(key())).record
  const error = await process({ keys: keyRing(b) })
    .reseal()
    .catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(AggregateError)
  const { done, errors } = error as UnfinishedError
  expect(done).toBe(0)
  expect(errors[0]).toBeInstanceOf(SealError)
  expect(errors).toMatchObject([{ keyId: 'a', key: key() }])
  expect((await store.read(key())).record).toEqual(before)
})

test('without keys there is nothing to reseal', async () => {
  const { clock, server, process } = world()
  const grants = process()
  await connected(grants, server, clock, HOUR)
  expect(await grants.reseal()).toEqual({ resealed: 0 })
})

test('a record that cannot be unsealed does not prevent others from being resealed, and is named', async () => {
  const lines: { message: string; fields: Record<string, unknown> }[] = []
  const log = (message: string, fields: object = {}) =>
    void lines.push({ message, fields: fields as Record<string, unknown> })
  const { clock, server, process, store } = world()
  const before = process({ keys: keyRing(a) })
  for (const subject of ['u1', 'u2', 'u3']) await connected(before, server, clock, HOUR, subject)
  await before.documents.put('d1', 'secret', { version: 0 })
  const { record } = await store.read(key('u2'))
  const damaged = `${record!.sealed.slice(0, -20)}${'A'.repeat(20)}`
  await store.reseal(record!.key, { id: record!.id, from: record!.sealed, to: damaged })
  const grants = process({ keys: keyRing(`${b},${a}`), logger: { debug: log, info: log, warn: log, error: log } })
  await expect(grants.reseal()).rejects.toMatchObject({
    done: 3,
    errors: [{ code: 'seal_error', keyId: 'a', key: key('u2') }],
    message: expect.stringMatching(/3 done, 1 left/) as string,
  })
  expect(lines.filter(({ message }) => message.includes('reseal()'))).toMatchObject([{ fields: { subject: 'u2' } }])
  const after = process({ keys: keyRing(b) })
  for (const subject of ['u1', 'u3']) expect(await after.session('acme', subject).accessToken()).toBe(`at-${subject}-0`)
  expect(await after.documents.get('d1')).toEqual({ value: 'secret', version: 2 })
  expect((await store.read(key('u2'))).record?.sealed).toBe(damaged)
})
