import { describe, expect, test } from 'vitest'
import { findTool } from '../../scripts/tools.mjs'
import { NAMES, runProgram } from './run-program.ts'

const RUNTIMES = [
  ['Node', 'node', process.execPath],
  ['Bun', 'bun', findTool('bun')],
  ['Deno', 'deno', findTool('deno')],
] as const

/** Where a runtime can't be installed its tests are skipped, and fail with CI=true. */
const optional = process.env['CI'] === undefined

describe.each(RUNTIMES)('%s', (_name, kind, path) => {
  const skipped = path === undefined && optional
  test.skipIf(skipped)(
    `does what every runtime must do${skipped ? ' (skipped: `npm test` without a name installs it)' : ''}`,
    async () => {
      expect(await runProgram(kind, path ?? 'missing')).toEqual(NAMES.map((name) => ({ name })))
    },
    60_000,
  )
})
