import { expect, test } from 'vitest'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { storeOver } from '../../src/stores/index.ts'
import { fakeClock } from '../../src/testing/index.ts'
import { world } from '../refresh/setup.ts'
import { MapBackend } from '../stores/map-backend.ts'
const [a, b] = [`a:${generateKey()}`, `${'b'.repeat(60)}:${generateKey()}`]
function open() {
  const clock = fakeClock()
  const backend = new MapBackend(clock.now)
  const { process } = world({ clock, store: storeOver(backend, { clock }) })
  return { backend, clock, process }
}

test('a document that ends while it is resealed is not counted', async () => {
  const { backend, clock, process } = open()
  await process({ keys: keyRing(a) }).documents.put('ends', 'soon', { version: 0, ttlMs: 10 })
  const read = backend.read.bind(backend)
  backend.read = async (name) => {
    if (name === '"ends"') await clock.advance(10)
    return read(name)
  }
  expect(await process({ keys: keyRing(`${b},${a}`) }).reseal()).toEqual({ resealed: 0 })
})

test('a document that is too long under a longer key id does not prevent others from being resealed', async () => {
  const { process } = open()
  const { documents } = process({ keys: keyRing(a) })
  let length = 50_000
  for (; ; length -= 1) {
    const put = await documents.put('long', 'x'.repeat(length), { version: 0 }).catch(() => undefined)
    if (put !== undefined) break
  }
  await documents.put('other', 'v', { version: 0 })
  await expect(process({ keys: keyRing(`${b},${a}`) }).reseal()).rejects.toMatchObject({
    done: 1,
    errors: [{ code: 'config_error', key: 'long' }],
  })
})
