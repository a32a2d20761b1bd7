import { flatness } from '../../test/processes/flatness.ts'
import { sharing } from '../../test/processes/sharing.ts'
import { flags, show, withPlace } from './stores.mjs'

const { kinds, ...size } = flags({
  from: 10_000,
  to: 1_000_000,
  samples: 1000,
  processes: 4,
  due: 100_000,
  bare: 20_000,
})
const { bare, due, from, processes, samples, to } = size
console.log('Scale:', size)
for (const kind of kinds) {
  await withPlace(kind, async (place) => {
    // The workers then find their due grants among all the others.
    if (kind !== 'Redis') {
      const [few, many] = await flatness(place, { sizes: [from, to], samples })
      const names = ['readMs', 'dueMs', 'claimMs', 'commitMs']
      for (const figures of [few, many]) show(kind, true, figures)
      show(
        kind,
        names.every((name) => many[name] <= 2 * few[name]),
        Object.fromEntries(names.map((name) => [`${name} grew`, Number((many[name] / few[name]).toFixed(2))])),
      )
    }
    const report = await sharing({ place, processes, due, bare })
    const once = report.redemptions === due && report.reused === 0 && report.failed === 0
    const share = report.perSecond / report.barePerSecond
    show(kind, once && share >= 0.8, { due, ...report, 'share of bare fetch': Number(share.toFixed(2)) })
  })
}
