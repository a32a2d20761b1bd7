import { expect, test } from 'vitest'
import { findTool } from '../../scripts/tools.mjs'
import { type Bundler, PRINTED, bundleAndRun, esbuild, rolldown } from './bundlers.ts'
import { requireAll } from './run-program.ts'

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
