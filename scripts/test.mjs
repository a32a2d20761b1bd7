import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { build, isStale } from './build.mjs'
import { check } from './check.mjs'
import { run } from './child.mjs'
import { ensureChromium, findChromium } from './chromium.mjs'
import { ensureServers } from './servers.mjs'
import { temporaryFolder } from './temporary.mjs'
import { filesOf, SMOKE } from './test-files.mjs'
import { runNode } from './tool.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** Tests that run what was built, as processes of their own. */
const OF_THE_BUILD = /^(demo|bench|provider)\/|^test\/smoke\/|^test\/repository\/commands/

/**
 * `npm test`: everything, after types, format and lint. `npm test -- NAME …`: the test files whose paths contain a name, at once.
 * @returns {Promise<number>} the exit code
 */
export async function test(args) {
  const files = filesOf(args)
  const whole = args.length === 0
  if (whole) await prepareAll()
  else if (files.some((file) => OF_THE_BUILD.test(file)) && isStale()) await build()
  const smoke = files.some((file) => file.startsWith(SMOKE)) ? await runSmoke() : NONE
  const vitest = files.some((file) => !file.startsWith(SMOKE)) ? await runVitest(whole ? ['--coverage'] : args) : NONE
  return report([vitest, smoke], args)
}

const NONE = { status: 0, passed: 0, failed: 0, skipped: 0 }

async function prepareAll() {
  await check()
  const missing = [await ensureChromium(), await ensureServers()].flatMap((found) => found.missing ?? [])
  for (const text of missing) console.error(text)
  if (missing.length > 0 && process.env.CI) throw new Error('With CI set, nothing may be missing.')
}

async function runVitest(args) {
  const file = join(temporaryFolder(), 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const env = { CHROMIUM_PATH: findChromium() ?? '' }
  const status = await runNode(['node_modules/vitest/vitest.mjs', 'run', ...reporters, ...args], { env })
  if (!existsSync(file)) return { ...NONE, status: status || 1 }
  const counts = JSON.parse(readFileSync(file, 'utf8'))
  const brokenFiles = counts.numFailedTests === 0 && counts.numFailedTestSuites > 0 ? 1 : 0
  return {
    status,
    passed: counts.numPassedTests,
    failed: counts.numFailedTests + brokenFiles,
    skipped: counts.numPendingTests,
  }
}

/** The packed packages are tried on the machine's own Node, which may be older than the one of the other tests. */
async function runSmoke() {
  const args = ['--test', '--test-reporter=tap', 'test/smoke/packed.test.mjs']
  const { output, status } = await run(process.execPath, args, { cwd: root, held: true })
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(output)?.[1] ?? 0)
  const result = { status, passed: count('pass'), failed: count('fail'), skipped: count('skipped') }
  if (status !== 0 || result.passed === 0) console.log(output)
  console.log(`The packed packages on Node ${process.versions.node}: ${result.passed} passed, ${result.failed} failed`)
  return result
}

function report(results, args) {
  const sum = (name) => results.reduce((total, result) => total + result[name], 0)
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(sum)
  const nothing = passed + failed === 0 && results.every(({ status }) => status === 0)
  const ok = !nothing && failed === 0 && results.every(({ status }) => status === 0)
  if (nothing) console.error(`No test ran: all ${skipped} were skipped, or none has the name in '${args.join(' ')}'.`)
  else if (!ok && failed === 0) {
    console.error('The tests passed, but the run did not. See the coverage thresholds or unhandled errors above.')
  }
  if (skipped > 0) console.log(`\n${skipped} skipped`)
  console.log(`\n${passed} passed, ${ok ? 0 : Math.max(failed, 1)} failed`)
  return ok ? 0 : 1
}
