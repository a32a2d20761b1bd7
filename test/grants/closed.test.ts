import { expect, test } from 'vitest'

import { world, connected } from '../refresh/setup.ts'

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
