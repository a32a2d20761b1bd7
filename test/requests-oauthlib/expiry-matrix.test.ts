import { describe, expect, test } from 'vitest'
import { importToken } from '../../src/index.ts'
import { stage, wayNames, ways } from './setup.ts'

/** 1000 seconds after the epoch: small numbers are moments that are past. */
const now = 1_000_000

const LIFETIMES = [
  [undefined, undefined],
  [3600, 4_600_000],
  [3600.12, 4_600_120],
  ['3600', 4_600_000],
] as const

const MOMENTS = [
  [undefined, undefined],
  [200, 200_000],
  [200.42, 200_420],
  ['200', 200_000],
  ['200.42', 200_420],
] as const

const matrix = LIFETIMES.flatMap(([expiresIn, byLifetime]) =>
  MOMENTS.map(([expiresAt, byMoment]) => ({ expiresIn, expiresAt, byLifetime, byMoment })),
)

const members = (expiresIn: unknown, expiresAt: unknown) => ({
  access_token: 'the-token',
  refresh_token: 'the-refresh-token',
  ...(expiresIn !== undefined && { expires_in: expiresIn }),
  ...(expiresAt !== undefined && { expires_at: expiresAt }),
})

test.each(matrix)(
  'a token that another library kept with expires_in $expiresIn and expires_at $expiresAt expires by the moment, else by the lifetime',
  ({ expiresIn, expiresAt, byLifetime, byMoment }) => {
    const token = importToken(members(expiresIn, expiresAt), { now })
    expect(token.expiresAt).toBe(byMoment ?? byLifetime)
    expect('expiresAt' in token).toBe((byMoment ?? byLifetime) !== undefined)
  },
)

test.each(matrix)(
  'a token that another library kept with expires_in $expiresIn and expires_at $expiresAt is refreshed at once when, and only when, it has expired',
  async ({ expiresIn, expiresAt, byMoment }) => {
    const { scripted, session } = stage({ now })
    const held = session({ expires_in: expiresIn, expires_at: expiresAt })
    await held.token()
    expect(scripted.stats.redemptions).toBe(byMoment === undefined ? 0 : 1)
  },
)

describe.each(wayNames)('the response to %s', (way) => {
  test.each(matrix)(
    'with expires_in $expiresIn and expires_at $expiresAt gives the lifetime that counts from its request, else the moment, never one before it came',
    async ({ expiresIn, expiresAt, byLifetime, byMoment }) => {
      const on = stage({ now })
      on.scripted.script({ body: members(expiresIn, expiresAt) })
      const token = await ways[way]!(on)
      expect(token.expiresAt).toBe(byLifetime ?? (byMoment === undefined ? undefined : now))
    },
  )
})
