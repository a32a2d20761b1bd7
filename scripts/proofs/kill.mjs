import { kill, KILL_POLICY } from '../../test/processes/kill.ts'
import { during } from '../progress.mjs'
import { flags, show, withPlace } from './stores.mjs'

const { kills, kinds } = flags({ kills: 300 })
console.log('Kill:', { kills, ...KILL_POLICY })
for (const kind of kinds) {
  // A killed process's lease is mostly waited for: the modes can wait together. More at once would make the provider's answers late.
  await Promise.all(
    ['grace', 'strict'].map(async (mode) => {
      const report = await withPlace(kind, (place) =>
        during(`Kills on ${kind}, ${mode}`, (update) =>
          kill({ place, mode, kills, onKill: (count) => update(`${count} of ${kills}`) }),
        ),
      )
      const { falseVerdicts, longestMs, lost, medianMs, phases, redemptions } = report
      const onlyLostAnswers = Object.keys(lost).every((reason) => reason === 'answer_lost')
      const kept = falseVerdicts === 0 && (mode === 'grace' ? Object.keys(lost).length === 0 : onlyLostAnswers)
      show(kind, kept, {
        mode,
        kills,
        'met it': phases,
        lost,
        'false verdicts': falseVerdicts,
        redemptions,
        'median ms to go on': medianMs,
        'longest ms': longestMs,
      })
    }),
  )
}
