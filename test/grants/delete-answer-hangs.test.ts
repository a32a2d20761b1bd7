import { expect, test } from 'vitest'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, settled, world, wrapStore } from '../refresh/setup.ts'

for (const done of [true, false]) {
  for (const how of ['disconnect', 'disconnectSubject'] as const) {
    test(`${how}: a delete that was ${done ? 'done' : 'not done'} and whose response never arrives is repeated, and the grant is revoked`, async () => {
      const clock = fakeClock()
      const inner = memoryStore({ clock })
      let deletes = 0
      const store = wrapStore(inner, async (operation, real) => {
        if (operation !== 'delete' || (deletes += 1) > 1) return real()
        if (done) await real()
        return new Promise(() => undefined)
      })
      const { process, server, told } = world({ clock, store })
      const grants = process()
      await connected(grants, server, clock)
      const ending: Promise<unknown> =
        how === 'disconnect' ? grants.disconnect('acme', 'f') : grants.disconnectSubject('f')
      await settled(clock, ending)
      await clock.advance(100)
      expect(server.revoked).toEqual(['rt-f-0'])
      expect(told.filter(({ name }) => name === 'disconnected')).toHaveLength(1)
    })
  }
}
