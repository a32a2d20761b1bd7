import { expect, test } from 'vitest'

import { presentOrSkip } from '../servers/index.ts'
import { outage } from './outage.ts'
import { SCENES } from './scenes.ts'

test.concurrent.for(Object.entries(SCENES))(
  'callers with valid tokens notice nothing, no token is redeemed without a save, and none is lost (%s)',
  { timeout: 120_000 },
  async ([, { make, needs }], context) => {
    const scene = presentOrSkip(context, await make(), needs)
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
