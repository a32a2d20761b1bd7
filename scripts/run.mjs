/**
 * The project's commands: `npm start`, `npm test`, `npm run build`, `npm run check`, `npm run bench`.
 * Each works alone on a fresh clone: what is missing is installed once.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureChromium } from './chromium.mjs'
import { ensureServers } from './servers.mjs'
import { ensureTools } from './tools.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.evergrant-installed')
const localNode = join(root, 'node_modules', '.bin', 'node')

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

function run(command, args, options = {}) {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (error) console.error(`${command}: ${error.message}`)
  return signal ? 1 : (status ?? 1)
}

function must(what, status) {
  if (status === 0) return
  console.error(`\n${what} failed.`)
  process.exit(status)
}

/** Installs the dependencies when the lockfile is not the one that was installed last. */
function install() {
  const digest = lockDigest()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && existsSync(localNode)) return
  console.log('Installing dependencies (once)…')
  // Not `npm ci`: it refuses lockfiles without the optional packages of other platforms, which not every registry has.
  const args = ['install', '--no-save', '--loglevel=error']
  if (run('npm', args) !== 0) {
    console.error('npm could not install the dependencies: trying once more.')
    must('Installing the dependencies (check the connection to the package registry)', run('npm', args))
  }
  if (!existsSync(localNode)) {
    must('Installing Node 24 (the dev dependency `node`)', run('npm', ['rebuild', 'node', '--loglevel=error']))
  }
  writeFileSync(stamp, lockDigest())
}

/** Runs a script of an installed package on the project's own Node. */
const node = (args, options) => run(existsSync(localNode) ? localNode : process.execPath, args, options)

/** Types and declarations first: nothing is bundled that does not compile. */
const build = () => node(['node_modules/typescript/bin/tsc', '-b']) || node(['scripts/bundle.mjs'])

function check() {
  must('Type checking', build())
  must('Formatting (npx oxfmt . mends it)', node(['node_modules/oxfmt/bin/oxfmt', '--check', '.']))
  must('Linting', node(['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings']))
}

/** Runs the packed library's smoke tests on the machine's own Node, outside the project's PATH. */
function smokeOnSystemNode() {
  const path = process.env.PATH.split(':').filter((entry) => !entry.includes('node_modules'))
  const system = path.map((entry) => join(entry, 'node')).find((file) => existsSync(file))
  if (!system) return { passed: 0, failed: 1 }
  const { stdout, stderr } = spawnSync(system, ['--test', '--test-reporter=tap', 'test/smoke/'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: path.join(':'), NODE_OPTIONS: '' },
  })
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1] ?? (name === 'fail' ? 1 : 0))
  const result = { passed: count('pass'), failed: count('fail') }
  if (result.failed > 0 || result.passed === 0) console.log(stdout, stderr)
  console.log(`Smoke test of the packed library on ${system}: ${result.passed} passed, ${result.failed} failed`)
  return result
}

function test(args) {
  check()
  const chromium = ensureChromium()
  for (const { missing } of [chromium, ensureServers(), ensureTools()]) {
    if (!missing) continue
    console.error(missing)
    if (process.env.CI) process.exit(1)
  }
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-test-'))
  const report = join(folder, 'report.json')
  const status = node(
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...(args.length === 0 ? ['--coverage'] : args),
    ],
    { env: { ...process.env, CHROMIUM_PATH: chromium.path ?? '' } },
  )
  const counts = existsSync(report)
    ? JSON.parse(readFileSync(report, 'utf8'))
    : { numPassedTests: 0, numFailedTests: 1 }
  rmSync(folder, { recursive: true })
  const smoke = args.length === 0 ? smokeOnSystemNode() : { passed: 0, failed: 0 }
  const failed =
    counts.numFailedTests + (counts.numFailedTestSuites > 0 && counts.numFailedTests === 0 ? 1 : 0) + smoke.failed
  const ok = status === 0 && failed === 0
  if (status !== 0 && failed === 0)
    console.error('The tests passed, but the run did not: see the coverage thresholds or unhandled errors above.')
  console.log(`\n${counts.numPassedTests + smoke.passed} passed, ${ok ? 0 : Math.max(failed, 1)} failed`)
  process.exit(ok ? 0 : 1)
}

const [command, ...args] = process.argv.slice(2)
install()
if (command === 'build') must('The build', build())
else if (command === 'check') check()
else if (command === 'test') test(args)
else if (command === 'bench') {
  must('The build', build())
  process.exit(node(['bench/src/main.ts', ...args]))
} else if (command === 'start') {
  must('The build', build())
  process.exit(node(['demo/dist/main.js', ...args]))
} else {
  console.error(`Unknown command '${command}': use bench, build, check, start or test.`)
  process.exit(2)
}
