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
