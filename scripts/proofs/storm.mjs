import { storm } from '../../test/processes/storm.ts'
import { during, say } from '../progress.mjs'
import { ALL_KINDS, flags, show, withPlace } from './stores.mjs'

const { kinds, ...size } = flags({ processes: 8, callers: 500, expiries: 20, lifetimeMs: 4000 }, ALL_KINDS)
console.log('Storm:', size)
for (const kind of kinds) {
  const { calls, failures, longestMs, medianMs, stats, tokensPerExpiry } = await withPlace(kind, (place) =>
    during(`Storm on ${kind}`, (update) =>
      storm({ place, ...size, onExpiry: (count) => update(`${count} of ${size.expiries} expiries`) }),
    ),
  )
  const kept =
    failures.length === 0 &&
    tokensPerExpiry.every((count) => count === 1) &&
    stats.redemptions === size.expiries &&
    stats.tokenRequests.total === size.expiries &&
    stats.reuseDetections + stats.revocations === 0
  show(kind, kept, {
    calls,
    failed: failures.length,
    redemptions: stats.redemptions,
    revocations: stats.revocations,
    'median ms': medianMs,
    'longest ms': longestMs,
  })
  for (const failure of new Set(failures)) say(failure)
}
