import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { pages, root, sourceEntries } from './pages.ts'
import type { SampleResult } from './run-samples.ts'
import { type Sample, samplesOf } from './samples.ts'

/** Pages whose samples are run. The samples of all others are type-checked. */
const RUN = /^(?:README\.md|docs\/(?:start|guides|recipes|providers|reference|operations|migration)\/)/

/** A sample that imports one of these is only type-checked: it is not installed, or would leave this machine. */
const NOT_RUN = [
  '@octokit/core',
  'arctic',
  'axios',
  'better-auth',
  'better-sqlite3',
  'client-oauth2',
  'express',
  'fastify',
  'h3',
  'hono',
  'ky',
  'next-auth',
  'openapi-fetch',
  'passport-oauth2',
  'react-router',
  'undici',
]

const folder = mkdtempSync(join(tmpdir(), 'evergrant-samples-'))
symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = promisify(execFile)

const IMPORT = /\bfrom '([^'.][^']*)'/g
const isRun = ({ text }: Sample): boolean => ![...text.matchAll(IMPORT)].some(([, name = '']) => NOT_RUN.includes(name))

/** Writes a sample as a module that imports the library's sources. */
function moduleOf(sample: Sample, entries: Readonly<Record<string, string>>): string {
  const file = join(
    folder,
    `${sample.page.replaceAll('/', '-')}-${sample.line}.${sample.language === 'js' ? 'mjs' : 'mts'}`,
  )
  const text = sample.text.replace(IMPORT, (whole, name: string) => {
    const source = entries[name]
    return source === undefined ? whole : `from '${pathToFileURL(source).href}'`
  })
  writeFileSync(file, text)
  return file
}

/** What a sample says that it prints: each line behind `//=>`. */
const announced = ({ text }: Sample): string[] => [...text.matchAll(/\/\/=> (.*)/g)].map((match) => match[1]!)

const samples = pages
  .filter((page) => RUN.test(page))
  .flatMap(samplesOf)
  .filter(isRun)
const fragments = samples.filter(({ language }) => language === 'ts')
/** A program that serves has a test of its own, which stops it. */
const programs = samples.filter(({ language, text }) => language === 'js' && !text.includes('.listen('))

describe('in TypeScript, with the free names of the pages given,', () => {
  let results: readonly SampleResult[] = []

  beforeAll(async () => {
    const presets = join(root, 'test/repository/sample-providers.ts')
    const files = fragments.map((sample) => moduleOf(sample, { ...sourceEntries(), 'evergrant/providers': presets }))
    const report = join(folder, 'results.json')
    const runner = join(root, 'test/repository/run-samples.ts')
    await run(process.execPath, ['--disable-warning=ExperimentalWarning', runner, report, ...files])
    results = JSON.parse(readFileSync(report, 'utf8')) as SampleResult[]
  }, 120_000)

  test.each(fragments.map((sample, index) => ({ ...sample, index })))(
    'the sample at line $line of $page runs and prints what it says',
    (sample) => {
      const { error, printed } = results[sample.index]!
      expect(error).toBeUndefined()
      const expected = announced(sample)
      if (expected.length > 0) expect(printed).toEqual(expected)
    },
  )
})

test.each(programs)(
  'the program at line $line of $page runs as it stands and prints what it says',
  async (program) => {
    const { stdout } = await run(process.execPath, [moduleOf(program, sourceEntries())], { cwd: folder })
    const expected = program.page === 'README.md' ? ['50 calls, 1 refresh'] : announced(program)
    expect(stdout.trimEnd().split('\n')).toEqual(expected)
  },
  60_000,
)

test('the first program of the README is among them', () => {
  expect(programs[0]?.page).toBe('README.md')
})
