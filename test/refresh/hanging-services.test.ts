import { expect, test } from 'vitest'
import { Grants } from '../../src/grants.ts'
import type { KeyRing } from '../../src/seal/key-ring.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { connected, settled, world } from './setup.ts'

const never = (): Promise<never> => new Promise(() => undefined)

for (const hanging of ['open', 'seal', 'prepare'] as const) {
  test(`nothing waits for ever for a key service whose ${hanging}() hangs`, async () => {
    let hangs = false
    const maybe = async <T>(operation: string, answer: T): Promise<T> =>
      hangs && operation === hanging ? never() : answer
    const keys: KeyRing = {
      seal: (text) => maybe('seal', `sealed:${text}`),
      open: (sealed) => maybe('open', sealed.slice('sealed:'.length)),
      ...(hanging === 'prepare' && {
        prepare: () => maybe('prepare', async (text: string) => `sealed:${text}`),
      }),
    }
    const { clock, process, server } = world()
    await connected(process({ keys }), server, clock)
    const grants = process({ keys })
    const session = grants.session('acme', 'f')
    hangs = true
    const work = [session.refresh(), session.details(), grants.save('acme', 'g', server.issue('g'))] as const
    const asked = clock.monotonic()
    const results = await settled(clock, Promise.allSettled(work))
    expect(clock.monotonic() - asked).toBeLessThan(30_000)
    const failed = results.filter(({ status }) => status === 'rejected')
    expect(failed.length).toBeGreaterThan(0)
    for (const each of failed) expect((each as PromiseRejectedResult).reason).toMatchObject({ retryable: true })
    expect(server.redemptions).toBe(0)
    await settled(clock, grants.close())
  })
}

test('a login, its start and a save do not wait longer for a hanging resolver of clients', async () => {
  const clock = fakeClock()
  const { makeClient, server } = world({ clock, client: { redirectUri: 'https://app.example/callback' } })
  let hangs = false
  const grants = new Grants({ clients: () => (hangs ? never() : makeClient()), clock })
  const pending = await grants.connect('acme', 'f')
  hangs = true
  for (const work of [
    (): Promise<unknown> => grants.connect('acme', 'f'),
    (): Promise<unknown> => grants.save('acme', 'f', server.issue('f')),
    (): Promise<unknown> => grants.complete('https://app.example/callback?code=c', pending, { subject: 'f' }),
  ]) {
    const asked = clock.monotonic()
    await expect(settled(clock, work())).rejects.toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringContaining('Looking up client') as string,
    })
    expect(clock.monotonic() - asked).toBeLessThan(11_000)
  }
})
