import { feed } from '../../test/processes/feed.ts'
import { during, say } from '../progress.mjs'
import { flags, inPlace, show, withServer } from './stores.mjs'

const { kills, kinds } = flags({ kills: 300 })
console.log('Feed:', { kills, writers: 3, readers: 2 })
for (const kind of kinds) {
  await withServer(kind, async (server) => {
    const killServer =
      server?.halt &&
      (async () => {
        await server.halt('SIGKILL')
        await server.resume()
      })
    const report = await inPlace(kind, server, (place) =>
      during(`Feed on ${kind}`, (update) =>
        feed({ place, kills, killServer, onKill: (count) => update(`${count} of ${kills} kills`) }),
      ),
    )
    const { read, serverKills, wrong } = report
    for (const line of wrong.slice(0, 10)) say(`  ${line}`)
    show(kind, wrong.length === 0, { kills, 'server kills': serverKills, 'changes read': read, wrong: wrong.length })
  })
}
