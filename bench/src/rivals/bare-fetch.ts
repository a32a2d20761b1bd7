import { openKeep } from './keeping.ts'
import { naiveHolder } from './naive.ts'
import type { Open } from './rival.ts'

interface Answer {
  readonly access_token: string
  readonly refresh_token?: string
  readonly expires_in: number
}

/** No library at all: what a token request costs by itself. */
export const openBareFetch: Open = async ({ clientId, clientSecret, tokenEndpoint }, keeping, seed) => {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  return naiveHolder({
    keep: await openKeep(keeping, seed),
    refresh: async ({ refreshToken = '' }) => {
      const receivedAt = Date.now()
      const response = await fetch(tokenEndpoint, {
        method: 'POST',
        headers: { authorization },
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken }),
      })
      if (!response.ok) throw new Error(`status ${response.status}`)
      const answer = (await response.json()) as Answer
      return {
        accessToken: answer.access_token,
        refreshToken: answer.refresh_token ?? refreshToken,
        receivedAt,
        expiresAt: Date.now() + answer.expires_in * 1000,
      }
    },
  })
}
