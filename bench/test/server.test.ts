import { expect, onTestFinished, test } from 'vitest'

import { startServer } from '../src/server/start-server.ts'

test('a server that answers invalid_grant has done nothing: the refresh token is good afterwards', async () => {
  const server = await startServer({ fault: 'invalid_grant' })
  onTestFinished(() => server.close())
  const [grant] = await server.mintSpent()
  const redeem = async () => {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: grant!.refresh_token })
    const response = await fetch(server.tokenEndpoint, { method: 'POST', body })
    return [response.status, (await response.json()) as { error?: string }] as const
  }
  expect(await redeem()).toEqual([400, { error: 'invalid_grant' }])
  await server.configure({ fault: null })
  expect((await redeem())[0]).toBe(200)
  expect(await server.stats()).toMatchObject({ tokenRequests: 2, redemptions: 1, revoked: 0 })
})

test("another process's redemption is done at once, whatever the token endpoint does, and is no token request", async () => {
  const server = await startServer({ fault: 'unavailable', delayMs: 60_000 })
  onTestFinished(() => server.close())
  const [grant] = await server.mintSpent()
  const redeemed = await server.redeem(grant!.refresh_token)
  expect(redeemed.refresh_token).not.toBe(grant!.refresh_token)
  const headers = { authorization: `Bearer ${redeemed.access_token}` }
  expect((await fetch(server.resource, { headers })).status).toBe(200)
  expect(await server.stats()).toMatchObject({ tokenRequests: 0, redemptions: 1 })
  // The old one has come a second time, which ends the grant.
  await expect(server.redeem(grant!.refresh_token)).rejects.toThrow('400')
  expect(await server.stats()).toMatchObject({ revoked: 1 })
})
