import { expect, test } from 'vitest'

import { control, type ServerPlace } from '../src/server/protocol.ts'
import { server } from './setup.ts'

async function redeem({ tokenEndpoint }: ServerPlace, refreshToken: string) {
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  const response = await fetch(tokenEndpoint, { method: 'POST', body })
  const text = await response.text()
  return { status: response.status, json: JSON.parse(text === '' ? '{}' : text) as Record<string, string> }
}

const get = async ({ resource }: ServerPlace, token = '') =>
  (await fetch(resource, { headers: { authorization: `Bearer ${token}` } })).status

test('the server rotates, ends a grant whose refresh token comes twice, and counts', async () => {
  const { configure, logIn, place, stats } = await server({ lifetimeS: 60 })
  const { accessToken, refreshToken } = await logIn('expired')
  expect(await get(place, accessToken)).toBe(401)
  const { json } = await redeem(place, refreshToken)
  expect(await get(place, json['access_token'])).toBe(200)
  await control(place, 'refuse', json['access_token']!)
  expect(await get(place, json['access_token'])).toBe(401)
  expect((await redeem(place, refreshToken)).status).toBe(400)
  expect((await redeem(place, json['refresh_token']!)).status).toBe(400)
  const counted = { tokenRequests: 3, redemptions: 1, reuses: 1, revoked: 1, resourceRequests: 3, unauthorized: 2 }
  expect(await stats()).toEqual(counted)
  await configure({ fault: 'unavailable' })
  expect((await redeem(place, 'any')).status).toBe(503)
  await configure({ fault: 'cut_after' })
  const other = await logIn('fresh')
  await expect(redeem(place, other.refreshToken)).rejects.toThrow('fetch failed')
  await configure({ fault: null, rotate: false })
  expect((await redeem(place, 'refresh.1.1')).json).not.toHaveProperty('refresh_token')
})

test('a server that responds with invalid_grant has done nothing: the refresh token is good afterwards', async () => {
  const { configure, logIn, place, stats } = await server({ fault: 'invalid_grant' })
  const { refreshToken } = await logIn('expired')
  expect(await redeem(place, refreshToken)).toEqual({ status: 400, json: { error: 'invalid_grant' } })
  await configure({ fault: null })
  expect((await redeem(place, refreshToken)).status).toBe(200)
  expect(await stats()).toMatchObject({ tokenRequests: 2, redemptions: 1, revoked: 0 })
})

test("another process's redemption is done at once, whatever the token endpoint does, and is no token request", async () => {
  const { logIn, place, stats } = await server({ fault: 'unavailable', delayMs: 60_000 })
  const { refreshToken } = await logIn('expired')
  const redeemed = await control(place, 'redeem', refreshToken)
  expect(redeemed.refreshToken).not.toBe(refreshToken)
  expect(await get(place, redeemed.accessToken)).toBe(200)
  expect(await stats()).toMatchObject({ tokenRequests: 0, redemptions: 1 })
  // The old one has come a second time, which ends the grant.
  await expect(control(place, 'redeem', refreshToken)).rejects.toThrow('400')
  expect(await stats()).toMatchObject({ revoked: 1 })
})

test('delays between two are spread, none is shorter, and none is forgotten', async () => {
  const { mint, place } = await server({ delayMs: [20, 60] })
  const [first, ...tokens] = await mint('expired', 41)
  // The thread that waits has to start.
  await redeem(place, first!.refreshToken)
  const taken = await Promise.all(
    tokens.map(async ({ refreshToken }) => {
      const began = performance.now()
      expect((await redeem(place, refreshToken)).status).toBe(200)
      return performance.now() - began
    }),
  )
  expect(Math.min(...taken)).toBeGreaterThanOrEqual(20)
  expect(Math.max(...taken) - Math.min(...taken)).toBeGreaterThan(20)
})
