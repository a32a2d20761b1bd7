import { describe, expect, test } from 'vitest'
import { findTool } from '../../scripts/tools.mjs'
import { NAMES, runProgram } from './run-program.ts'

const RUNTIMES = [
  ['Node', 'node', process.execPath],
  ['Bun', 'bun', findTool('bun')],
  ['Deno', 'deno', findTool('deno')],
] as const

describe.each(RUNTIMES)('%s', (_name, kind, path) => {
  const skipped = path === undefined
  test.skipIf(skipped)(
    `does what every runtime must do${skipped ? ' (skipped: `npm run prove -- runtimes` installs it)' : ''}`,
    async () => {
      expect(await runProgram(kind, path ?? 'missing')).toEqual(NAMES.map((name) => ({ name })))
    },
    60_000,
  )
})
