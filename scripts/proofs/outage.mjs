import { outage } from '../../test/processes/outage.ts'
import { SCENES } from '../../test/processes/scenes.ts'
import { during, say } from '../progress.mjs'
import { flags, show } from './stores.mjs'

const { lastsMs } = flags({ lastsMs: 60_000 })
console.log('Outage:', { lastsMs })
// They mostly wait.
await Promise.all(
  Object.entries(SCENES).map(async ([name, { make, needs }]) => {
    const scene = await make()
    if (scene === undefined) {
      say(`left out ${name}: it needs ${needs}`)
      return
    }
    try {
      const report = await during(`Outage: ${name}`, () =>
        outage(scene, { lastsMs, recoverWithinMs: 3 * lastsMs + 60_000 }),
      )
      const { expected, expired, obtained, redemptions, requestsDuring, revocations, spent, unspent } = report
      const kept =
        unspent.failures + spent.unretryable + expired + requestsDuring + revocations === 0 &&
        redemptions === expected &&
        (scene.of === 'provider' || obtained.saved)
      show(name, kept, report)
    } finally {
      await scene.clear()
    }
  }),
)
process.exit()
