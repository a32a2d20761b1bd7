import { expect, test } from 'vitest'

import { outage } from './outage.ts'
import { SCENES } from './scenes.ts'

test.concurrent.each(Object.entries(SCENES))(
  'callers with unspent tokens never notice, nothing is redeemed unsaved, nothing is lost (%s)',
  { timeout: 120_000 },
  async (_, make) => {
    const scene = await make()
    if (scene === undefined) return
    let report
    try {
      report = await outage(scene, { lastsMs: 2000 })
    } finally {
      await scene.clear()
    }
    expect(report.unspent).toMatchObject({ failures: 0 })
    expect(report.unspent.calls).toBeGreaterThan(100)
    expect(report.spent.unretryable).toBe(0)
    expect(report).toMatchObject({ expired: 0, requestsDuring: 0, revocations: 0, redemptions: report.expected })
    if (scene.of === 'store') expect(report.obtained.saved).toBe(true)
  },
)
