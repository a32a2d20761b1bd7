import { describe, expect, test } from 'vitest'

import { kill } from './kill.ts'
import { kinds, withPlace } from './places.ts'

const KILLS = 4

describe.concurrent.each(kinds)('the redeeming process is killed at random moments (%s)', (kind) => {
  test('a provider with a grace period: no grant is lost', { timeout: 120_000 }, async () => {
    const report = await withPlace(kind, (place) => kill({ place, mode: 'grace', kills: KILLS }))
    expect(report).toMatchObject({ lost: {}, falseVerdicts: 0 })
    expect(report.redemptions).toBeGreaterThanOrEqual(KILLS)
  })

  test('a provider with reuse detection: a grant is lost only with a lost response', { timeout: 120_000 }, async () => {
    const report = await withPlace(kind, (place) => kill({ place, mode: 'strict', kills: KILLS }))
    expect(report.falseVerdicts).toBe(0)
    expect(Object.keys(report.lost).filter((reason) => reason !== 'answer_lost')).toEqual([])
  })
})
