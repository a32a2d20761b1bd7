import { expect, test } from 'vitest'
import { Grants } from '../../src/grants.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { deferred } from '../../src/util/async.ts'
import { connected, settled, world, wrapStore } from '../refresh/setup.ts'

for (const failing of ['look-up of the client', 'key service'] as const) {
  test.each([1, 3])(`a ${failing} that fails %d times delays a revocation, and does not prevent it`, async (times) => {
    let left = 0
    const maybe = (what: string): void => {
      if (what === failing && left > 0) {
        left -= 1
        throw new Error('down')
      }
    }
    const { clock, makeClient, server, store } = world()
    const clients = { acme: makeClient() }
    const grants = new Grants<typeof clients>({
      clients: () => {
        maybe('look-up of the client')
        return clients.acme
      },
      keys: {
        seal: async (text) => text,
        open: async (sealed) => {
          maybe('key service')
          return sealed
        },
      },
      store,
      clock,
    })
    await connected(grants, server, clock)
    left = times
    await grants.disconnect('acme', 'f')
    await clock.advance(60_000)
    expect(server.revoked).toEqual(['rt-f-0'])
  })
}

test.each(['Grants', 'the client'] as const)('a revocation that fails is logged by the logger of %s', async (of) => {
  const warnings: string[] = []
  const silent = (): void => undefined
  const logger = { debug: silent, info: silent, error: silent, warn: (text: string) => void warnings.push(text) }
  let requests = 0
  const fetch = async (): Promise<Response> => {
    requests += 1
    return new Response(null, { status: 503 })
  }
  const { clock, process, server } = world({ client: { fetch, ...(of === 'the client' && { logger }) } })
  const grants = process(of === 'Grants' ? { logger } : {})
  await connected(grants, server, clock)
  await grants.disconnect('acme', 'f')
  await clock.advance(60_000)
  expect(warnings).toEqual(['evergrant: a disconnected grant could not be revoked at the provider'])
  expect(requests).toBe(5)
})

test('a disconnect whose deletion was done, though no response arrived, is finished by the next one, once', async () => {
  const clock = fakeClock()
  let lost = true
  const store = wrapStore(memoryStore({ clock }), async (operation, real) => {
    const answer = await real()
    if (operation === 'delete' && lost) throw new Error('connection lost')
    return answer
  })
  const { process, server, told } = world({ clock, store })
  const grants = process()
  await connected(grants, server, clock)
  await expect(settled(clock, grants.disconnect('acme', 'f'))).rejects.toMatchObject({ code: 'store_error' })
  expect([server.revoked, told]).toEqual([[], []])
  lost = false
  for (let time = 0; time < 2; time += 1) {
    await grants.disconnect('acme', 'f')
    await clock.advance(100)
  }
  expect(server.revoked).toEqual(['rt-f-0'])
  expect(told.map(({ name }) => name)).toEqual(['disconnected'])
})

test('without a background, the caller waits for the first attempt of the revocation, and there is no second one', async () => {
  let requests = 0
  const answered = deferred()
  const fetch = async (): Promise<Response> => {
    requests += 1
    await answered.promise
    return new Response(null, { status: 503 })
  }
  const { clock, process, server } = world({ client: { fetch } })
  const grants = process({ background: 'none' })
  await connected(grants, server, clock)
  let isDone = false
  const ending = grants.disconnect('acme', 'f').then(() => (isDone = true))
  await clock.advance(1000)
  expect([requests, isDone]).toEqual([1, false])
  answered.resolve()
  await ending
  await clock.advance(60_000)
  expect(requests).toBe(1)
})
