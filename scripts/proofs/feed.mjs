import { feed } from '../../test/processes/feed.ts'
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
    const report = await inPlace(kind, server, (place) => feed({ place, kills, killServer }))
    const { read, serverKills, wrong } = report
    for (const line of wrong.slice(0, 10)) console.log(`  ${line}`)
    show(kind, wrong.length === 0, { kills, 'server kills': serverKills, 'changes read': read, wrong: wrong.length })
  })
}
