import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findTool } from '../../scripts/tools.mjs'
import { type Bundler, PRINTED, bundleAndRun, esbuild, rolldown } from './bundlers.ts'
import { requireAll, runWithoutFiles } from './run-program.ts'

const RUNTIMES = [
  ['Node', 'node', process.execPath],
  ['Bun', 'bun', findTool('bun')],
  ['Deno', 'deno', findTool('deno')],
] as const

for (const [name, kind, path] of RUNTIMES) {
  const skipped = path === undefined
  test.skipIf(skipped)(
    `${name} requires every subpath of the built package${skipped ? ' (skipped: `npm run prove -- runtimes` installs it)' : ''}`,
    async () => {
      expect(await requireAll(kind, path ?? 'missing')).toBe('required')
    },
    60_000,
  )
}

/** The others are in `prove -- runtimes`. */
const BUNDLERS: readonly (readonly [name: string, bundler: Bundler])[] = [
  ['esbuild for browsers', esbuild('browser')],
  ['esbuild for Node', esbuild('node')],
  ['esbuild for any platform', esbuild('neutral')],
  ['rolldown', rolldown],
]

for (const [name, bundler] of BUNDLERS) {
  test(`${name} bundles the package without a warning, and the bundle runs`, async () => {
    expect(await bundleAndRun(bundler)).toEqual([PRINTED])
  }, 60_000)
}

test('every file of the package that is not an entry is named by its content', () => {
  const root = join(import.meta.dirname, '../..')
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object }
  const entries = Object.values(exports).map((target: string) => target.replace('./dist/', ''))
  const others = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.js') && !entries.includes(path))
  expect(others.length).toBeGreaterThan(3)
  expect(others.filter((path) => !/-[\w-]{8}\.js$/.test(path))).toEqual([])
})

test('a process whose package is removed before its first refresh sends nothing, and refreshes once it is back', async () => {
  expect(await runWithoutFiles()).toEqual(['ERR_MODULE_NOT_FOUND, requests: 0', 'at-1, requests: 1'])
})

test.each(['use', 'worker'])('a process that goes on (%s) refreshes without the files of its package', async (sign) => {
  expect(await runWithoutFiles(sign)).toEqual(['at-1, requests: 1', 'at-2, requests: 2'])
})
