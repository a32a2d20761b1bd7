import { expect, test } from 'vitest'
import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { json } from './fake-server.ts'
import { connected, key, settled, world } from './setup.ts'

const MOVED = 'https://moved.example'
const metadata = {
  issuer: MOVED,
  authorization_endpoint: `${MOVED}/authorize`,
  token_endpoint: `${MOVED}/token`,
  revocation_endpoint: `${MOVED}/revoke`,
}

/** A grant of one registration, and a process that is configured with another one and has not asked anybody yet. */
async function withOther(client: Partial<OAuth2ClientOptions>, lifetimeMs: number) {
  const clock = fakeClock()
  const store = memoryStore({ clock })
  const first = world({ clock, store })
  await connected(first.process(), first.server, clock, lifetimeMs)
  const before = (await store.read(key())).record!
  const sent: string[] = []
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    sent.push(url)
    return url.includes('/.well-known/') ? json(metadata) : first.server.fetch(input, init)
  }
  const other = new OAuth2Client({
    provider: first.server.provider,
    clientId: 'client-id',
    clientSecret: 'client-secret',
    fetch,
    clock,
    ...client,
  })
  const grants = first.process({ clients: { acme: other } })
  return { before, clock, grants, sent, server: first.server, store }
}

const others: Readonly<Record<string, Partial<OAuth2ClientOptions>>> = {
  'another client id': { clientId: 'another' },
  'another issuer, which is known': { provider: { name: 'moved', server: metadata } },
  'another issuer, which is known only from its metadata': { provider: { name: 'moved', server: MOVED } },
}

test.for(Object.entries(others))('an expired grant is not refreshed by a client with %s', async ([, client]) => {
  const { before, clock, grants, sent, server, store } = await withOther(client, 0)
  const session = grants.session('acme', 'f')
  for (const use of [() => session.token(), () => session.refresh(), () => session.token({ rejected: 'at-f-0' })])
    await expect(settled(clock, use())).rejects.toMatchObject({ code: 'config_error', retryable: false })
  expect(sent.filter((url) => !url.includes('/.well-known/'))).toEqual([])
  expect(server.requests).toEqual([])
  expect((await store.read(key())).record).toEqual(before)
})

test.for(Object.entries(others))(
  'a due grant is not refreshed by the worker of a client with %s',
  async ([, client]) => {
    const { before, clock, grants, sent, store } = await withOther(client, 60_000)
    const worker = grants.keepFresh()
    // From forty-eight seconds on it is due.
    await clock.advance(58_000)
    await settled(clock, worker.stop())
    expect(sent.filter((url) => !url.includes('/.well-known/'))).toEqual([])
    const { record } = await store.read(key())
    expect(record).toMatchObject({ id: before.id, version: 1, state: 'active', sealed: before.sealed })
  },
)
