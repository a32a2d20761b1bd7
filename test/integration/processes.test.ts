import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { DevelopmentProvider } from '../../provider/src/index.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { Order, Result } from './storm-worker.ts'
import { clientOf, grantsOf, HOUR, POLICY, provide, temporaryFile, TIMEOUT_MS, until } from './setup.ts'

interface Shared {
  readonly provider: DevelopmentProvider
  readonly file: string
  readonly keys: string
}

/** A provider, and an SQLite file with alice's grant, whose access token has expired. */
async function shared(): Promise<Shared & { readonly accessToken: string }> {
  const provider = await provide({ rotate: true, accessTokenLifetimeMs: HOUR })
  const [file, keys] = [temporaryFile(), `k1:${generateKey()}`]
  const grants = grantsOf(clientOf(provider), { store: sqliteStore(file), keys: keyRing(keys) })
  const [grant] = await provider.mint({ user: 'alice' })
  await grants.save('acme', 'alice', grant!)
  await grants.close()
  return { provider, file, keys, accessToken: grant!.access_token }
}

/** Another process over the same file and provider. */
async function worker({ provider, file, keys }: Shared): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('storm-worker.ts', import.meta.url)), [], { execArgv: [] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const { metadata, clientId, clientSecret } = provider
  const { leaseMs, settleMs } = POLICY
  const order: Order = {
    kind: 'start',
    server: { ...metadata },
    clientId,
    clientSecret,
    file,
    keys,
    timeoutMs: TIMEOUT_MS,
    policy: { leaseMs, settleMs },
  }
  child.send(order)
  await once(child, 'message')
  return child
}

let storms = 0

function storm(child: ChildProcess, order: Omit<Extract<Order, { kind: 'storm' }>, 'kind' | 'id'>): Promise<Result> {
  const id = (storms += 1)
  child.send({ kind: 'storm', id, ...order })
  return new Promise((resolve) => {
    const listen = (result: Result): void => {
      if (result.id !== id) return
      child.off('message', listen)
      resolve(result)
    }
    child.on('message', listen)
  })
}

async function stop(child: ChildProcess): Promise<void> {
  child.send({ kind: 'stop' })
  await once(child, 'exit')
  expect(child.exitCode).toBe(0)
}

test('two processes with 250 callers each send one refresh for each expiry, and every caller gets its token', async () => {
  const world = await shared()
  const { provider } = world
  const children = await Promise.all([worker(world), worker(world)])
  for (let expiry = 1; expiry <= 4; expiry += 1) {
    const results = await Promise.all(children.map((child) => storm(child, { callers: 250, travelMs: HOUR })))
    expect(results.flatMap(({ failures }) => failures)).toEqual([])
    expect(new Set(results.flatMap(({ tokens }) => tokens)).size).toBe(1)
    // One of them emitted the event.
    expect(results.flatMap(({ events }) => events)).toEqual(['refreshed'])
    expect(provider.stats()).toMatchObject({
      tokenRequests: { total: expiry },
      redemptions: expiry,
      reuseDetections: 0,
      revocations: 0,
    })
  }
  await Promise.all(children.map(stop))
})

test('two processes whose callers are rejected with 401 send one refresh', async () => {
  const world = await shared()
  const children = await Promise.all([worker(world), worker(world)])
  const rejected = world.accessToken
  const results = await Promise.all(
    children.map((child) => storm(child, { callers: 250, travelMs: HOUR / 2, rejected })),
  )
  expect(results.flatMap(({ failures }) => failures)).toEqual([])
  const tokens = new Set(results.flatMap(({ tokens }) => tokens))
  expect(tokens.size).toBe(1)
  expect(tokens).not.toContain(rejected)
  expect(world.provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 0, tokenRequests: { total: 1 } })
})

test('when a process is killed with a refresh in flight, another one takes over after the settle time, not before', async () => {
  const world = await shared()
  const { provider } = world
  const [first, second] = await Promise.all([worker(world), worker(world)])
  const store = sqliteStore(world.file)
  onTestFinished(() => store.close())
  const intent = async () => (await store.read({ client: 'acme', subject: 'alice', account: '' })).record!.intent!

  const never = provider.fault('hang')
  void storm(first, { callers: 10, travelMs: HOUR })
  await until(() => never.served === 1, 'the first request was out')
  first.kill('SIGKILL')
  await once(first, 'exit')
  const left = await intent()
  expect(left).toMatchObject({ attempt: 1, open: true })

  const slow = provider.fault({ kind: 'hang', ms: 200 })
  const waiting = storm(second, { callers: 10, travelMs: HOUR })
  const coming = storm(second, { callers: 10, travelMs: POLICY.leaseMs + POLICY.settleMs })
  await until(() => slow.served === 1, 'the second request was out')
  const taken = await intent()
  expect(taken).toMatchObject({ attempt: 2, open: true, everUnknown: true, startedAt: left.startedAt })
  const claimedAt = taken.sendBefore - (POLICY.leaseMs - TIMEOUT_MS)
  expect(claimedAt).toBeGreaterThanOrEqual(left.sendBefore + POLICY.settleMs)

  const results = await Promise.all([waiting, coming])
  expect(results.flatMap(({ failures }) => failures)).toEqual([])
  expect(provider.stats()).toMatchObject({ redemptions: 1, reuseDetections: 0, tokenRequests: { total: 2 } })
})
