import { flatness, medians } from '../../test/processes/flatness.ts'
import { sharing } from '../../test/processes/sharing.ts'
import { during } from '../progress.mjs'
import { flags, inPlace, show, withServer } from './stores.mjs'

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
  await withServer(kind, (server) =>
    inPlace(kind, server, async (place) => {
      // The workers then find their due grants among all the others.
      if (kind !== 'Redis') await inPlace(kind, server, (few) => compare(kind, few, place))
      await share(kind, place, { over: 'undiciTransport', due, bare })
      await share(kind, place, { over: 'fetch', due: due / 10, bare: bare / 2 })
    }),
  )
}

async function share(kind, place, { bare, due, over }) {
  const report = await during(`Refreshing ${due} due grants on ${kind}, over ${over}`, () =>
    sharing({ place, processes, due, bare, undici: over === 'undiciTransport' }),
  )
  const once = report.redemptions === due && report.reused === 0 && report.failed === 0
  const share = report.perSecond / report.barePerSecond
  show(kind, once && share >= 0.8, { over, due, ...report, 'share of bare fetch': share.toFixed(2) })
}

async function compare(kind, few, many) {
  const fillings = [
    { place: few, grants: from },
    { place: many, grants: to },
  ]
  const filled = await during(`Filling ${kind}, and timing its operations`, () => flatness(fillings, { samples }))
  const measured = filled.map(medians)
  for (const figures of measured) show(kind, true, figures)
  const grew = ['readMs', 'dueMs', 'claimMs', 'commitMs'].map((name) => [name, measured[1][name] / measured[0][name]])
  show(
    kind,
    grew.every(([, times]) => times <= 2),
    Object.fromEntries(grew.map(([name, times]) => [`${name} grew`, times.toFixed(2)])),
  )
}
