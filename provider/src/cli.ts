import { describeAsJson, describeForPeople, warnAboutHost } from './cli/announce.ts'
import { parseArguments, UsageError, type CommandArguments } from './cli/arguments.ts'
import { helpText } from './cli/help.ts'
import { startProvider } from './provider.ts'

/**
 * Runs the command until SIGINT or SIGTERM.
 * @returns the exit code: 0 when it was ended or only helped, 1 when it could not start, 2 when it was called wrongly
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(parseArguments(args))
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    if (!(error instanceof UsageError)) return 1
    console.error('Try: evergrant-provider --help')
    return 2
  }
}

async function run({ help, json, options }: CommandArguments): Promise<number> {
  if (help) {
    console.log(helpText.trimEnd())
    return 0
  }
  const provider = await startProvider({ ...options, onError: (error) => console.error(error) })
  const warning = warnAboutHost(options.host ?? '127.0.0.1')
  if (warning !== undefined) console.error(warning)
  console.log(json ? describeAsJson(provider) : describeForPeople(provider, options))
  await asked()
  await provider.close()
  return 0
}

function asked(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}
