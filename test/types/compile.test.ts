import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTool } from '../../scripts/tools.mjs'
import { COMMON_JS, FEW, compile, installed, nameOf } from './compile.ts'
import { root } from './setup.ts'

let user: Awaited<ReturnType<typeof installed>>

beforeAll(async () => {
  user = await installed()
}, 60_000)

afterAll(() => user[Symbol.dispose]())

const newest = join(root, 'node_modules/typescript/bin/tsc')
const oldest = findTool('typescript-5.4')

const needless = oldest === undefined

describe.each([
  [needless ? '5.4 (skipped: `npm run prove -- types` installs it)' : '5.4', oldest, needless],
  ['of this project', newest, false],
])('TypeScript %s', (_version, tsc, skipped) => {
  test
    .skipIf(skipped)
    .each([...FEW, ...(tsc === newest ? [COMMON_JS] : [])].map((variant) => [nameOf(variant), variant] as const))(
    "compiles a user's program: %s",
    async (_name, variant) => {
      expect(await compile(tsc ?? 'missing', user.folder, variant)).toEqual([])
    },
    60_000,
  )
})

test('a declaration that does not compile is found', async () => {
  using broken = await installed()
  appendFileSync(join(broken.folder, 'node_modules/evergrant/dist/shared.d.ts'), 'export type Broken = Missing;\n')
  const complaints = await compile(newest, broken.folder, FEW[0]!)
  expect(complaints.join()).toContain("Cannot find name 'Missing'")
}, 60_000)
