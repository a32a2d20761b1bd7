/**
 * The library in every runtime: `npm run prove -- runtimes [--only node-26,bun] [--checks]`. The checks run in each release line of Node,
 * Bun and Deno, which also `require()` the built package, then the core's own tests in Bun and Deno, unless `--checks` leaves them out.
 * Two bundlers that the tests leave out are tried too. Needs a build, and the npm registry: what is not there yet is installed.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { TOOLS, ensureTool } from '../../scripts/tools.mjs'
import { PRINTED, bundleAndRun, rollup, webpack } from './bundlers.ts'
import { requireAll, runProgram } from './run-program.ts'

const root = join(import.meta.dirname, '../..')
const BUNDLERS = { rollup, webpack }
const RUNTIMES = Object.keys(TOOLS).filter((name) => /^(node-.*|bun|deno)$/.test(name))

/** How Vitest runs in a runtime. */
const VITEST: Readonly<Record<string, { readonly before: readonly string[]; readonly pool: string }>> = {
  bun: { before: ['--bun'], pool: 'threads' },
  deno: { before: ['run', '-A', '--no-prompt'], pool: 'forks' },
}

/** Tests that fail in a runtime for a reason of the runtime's. */
const KNOWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bun: {
    'is readable for its owner only, with its write-ahead log and index': 'Bun sets no umask in a worker of the tests',
    'mutual TLS over undici: the client’s certificate is its authentication, at the provider and at the API':
      "Bun has an `undici` of its own, without the package's dispatchers",
    'a Request that is changed or read after the call is sent as it was, in the repeat too':
      'a Request made of another one does not use its body up in Bun',
    'a Request with a body and an init that has none of its own is repeated whole':
      'Bun takes `body: null` for no body, the standard for the body of the Request',
  },
  deno: {},
}

interface Report {
  readonly numPassedTests: number
  readonly numTotalTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: [...RUNTIMES, ...Object.keys(BUNDLERS)].join(',') },
    checks: { type: 'boolean', default: false },
  },
})
const chosen = values.only.split(',')

let ok = true
const say = (passed: boolean, text: string): void => {
  ok &&= passed
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${text}`)
}

for (const name of chosen) {
  const path = ensureTool(name)
  if (path === undefined) {
    say(false, `${name}: could not be installed`)
    continue
  }
  const bundler = Object.entries(BUNDLERS).find(([each]) => each === name)?.[1]
  if (bundler !== undefined) {
    const printed = await bundleAndRun(bundler(path))
    say(printed.join() === PRINTED, `${name}: ${printed.join(' | ')}`)
    continue
  }
  const required = await requireAll(name, path)
  say(required === 'required', `${name}: ${required}`)
  const results = await runProgram(name, path)
  const failed = results.filter(({ error }) => error !== undefined)
  say(failed.length === 0, `${name}: ${results.length - failed.length} of ${results.length} checks`)
  for (const { name: check, error } of failed) console.log(`     ${check}: ${error}`)
  if (VITEST[name] !== undefined && !values.checks) runTests(name, path, VITEST[name])
}
process.exitCode = ok ? 0 : 1

/** Runs the core's tests as `vitest.config.ts` of this folder lists them. */
function runTests(name: string, path: string, { before, pool }: (typeof VITEST)[string]): void {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-core-'))
  const report = join(folder, 'report.json')
  try {
    spawnSync(
      path,
      [
        ...before,
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        `--config=${join(import.meta.dirname, 'core.vitest.config.ts')}`,
        `--pool=${pool}`,
        '--reporter=json',
        `--outputFile.json=${report}`,
      ],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DENO_DIR: join(folder, 'deno') } },
    )
    judge(name, JSON.parse(readFileSync(report, 'utf8')) as Report)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function judge(name: string, { numPassedTests, numTotalTests, testResults }: Report): void {
  const known = KNOWN[name] ?? {}
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ title }) => title),
  )
  const broken = testResults.filter(
    ({ assertionResults, status }) => status === 'failed' && assertionResults.length === 0,
  )
  const unexpected = [...failed.filter((title) => known[title] === undefined), ...broken.map((file) => file.name)]
  say(unexpected.length === 0, `${name}: ${numPassedTests} of ${numTotalTests} tests of the core`)
  for (const title of unexpected) console.log(`     ${title}`)
  for (const [title, reason] of Object.entries(known))
    console.log(`     ${failed.includes(title) ? 'known' : 'no longer'}: ${title}: ${reason}`)
}
