import { expect, test } from 'vitest'
import { Grants, memoryStore, ReauthorizationRequiredError } from '../../../src/index.ts'
import { HOUR, rejection, stage } from '../setup.ts'

test('a refresh token that the provider refuses with invalid_grant is not tried again by the next call, nor by the one after, nor by a manual refresh', async () => {
  const { clock, scripted, session } = stage()
  const held = session({ expires_in: 0 })
  scripted.revoke(held.issued.access_token)
  const calls = [
    () => held.token(),
    () => held.token(),
    () => held.fetch(scripted.resource),
    () => held.accessToken({ minValidityMs: HOUR }),
    () => held.refresh(),
  ]
  for (const call of calls) {
    const error = await rejection(call())
    expect(error).toBeInstanceOf(ReauthorizationRequiredError)
    expect(error).toMatchObject({ code: 'reauthorization_required', reason: 'revoked', retryable: false })
    await clock.advance(HOUR)
  }
  expect(scripted.requests).toHaveLength(1)
})

test('a refresh token that the provider refuses with invalid_grant is not tried by another process or after a restart', async () => {
  const { client, clock, scripted } = stage()
  const store = memoryStore({ clock })
  const first = new Grants({ clients: { acme: client }, store, clock })
  const issued = scripted.issue()
  const session = await first.save('acme', 'ann', { ...issued, expires_in: 0 })
  scripted.revoke(issued.access_token)
  await rejection(session.token())
  const second = new Grants({ clients: { acme: client }, store, clock })
  expect(await rejection(second.session('acme', 'ann').token())).toBeInstanceOf(ReauthorizationRequiredError)
  expect(await second.status('acme', 'ann')).toMatchObject({ state: 'reauthorization_required', reason: 'revoked' })
  expect(scripted.requests).toHaveLength(1)
})

test('a refresh token that the provider refuses with invalid_grant causes one event, however many were waiting', async () => {
  const { scripted, session } = stage()
  const held = session({ expires_in: 0 })
  const told: unknown[] = []
  held.on('reauthorization_required', (event) => void told.push(event))
  scripted.revoke(held.issued.access_token)
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => held.token()))
  expect(results.every(({ status }) => status === 'rejected')).toBe(true)
  await rejection(held.token())
  expect(told).toHaveLength(1)
  expect(scripted.requests).toHaveLength(1)
})

test('a refresh token that the provider refuses with invalid_grant leaves the access token in use until it expires', async () => {
  const { clock, scripted, session } = stage()
  const held = session()
  scripted.script({ status: 400, body: { error: 'invalid_grant' } })
  await rejection(held.refresh())
  expect(await held.accessToken()).toBe(held.issued.access_token)
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  await clock.advance(HOUR)
  expect(await rejection(held.token())).toBeInstanceOf(ReauthorizationRequiredError)
  expect(scripted.tokenRequests).toHaveLength(1)
})

test('a refresh token that the provider refuses with invalid_grant is replaced by the next login, and the grant is active again', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const issued = scripted.issue()
  const session = await grants.save('acme', 'ann', { ...issued, expires_in: 0 })
  scripted.revoke(issued.access_token)
  await rejection(session.token())
  const pending = await grants.connect('acme', 'ann')
  await grants.complete(scripted.login(pending.url), pending, { subject: 'ann' })
  expect((await session.fetch(scripted.resource)).status).toBe(200)
  expect(await grants.status('acme', 'ann')).toMatchObject({ state: 'active' })
  await grants.close()
})

test('a refresh that fails for any other reason leaves a grant that is tried again', async () => {
  const { clock, scripted, session } = stage()
  const held = session({ expires_in: 0 })
  scripted.script({ status: 503 })
  expect(await rejection(held.token())).toMatchObject({ code: 'provider_unavailable', retryable: true })
  await clock.advance(2000)
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  expect(scripted.stats).toEqual({ redemptions: 1, reuses: 0 })
})
