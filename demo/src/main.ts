import { readSettings, SettingsError } from './settings.ts'
import { startDemo, type Demo } from './start-demo.ts'

/** Runs the demo until it is told to end. */
async function main(): Promise<number> {
  let demo: Demo
  try {
    const settings = readSettings(process.env)
    demo = await startDemo({
      settings,
      ...(settings.log && { logger: console }),
      onError: (error) => console.error(error),
    })
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    console.error(error.message)
    return 1
  }
  const { embedded, title } = demo.upstream
  if (embedded) {
    console.log(`Provider:  ${embedded.provider.url}  (log in as alice / wonderland or bob / builder)`)
    console.log(
      'Its tokens live 60 seconds, and it forgets its grants when it ends: after a restart you connect again.',
    )
  } else {
    console.log(`Provider:  ${title}`)
  }
  console.log(`Store:     ${demo.storeTitle}`)
  console.log('Ctrl+C ends it. Open:')
  console.log(demo.url)
  await asked()
  await demo.close()
  return 0
}

function asked(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}

process.exitCode = await main()
