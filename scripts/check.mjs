import { buildAndCheckTypes } from './build.mjs'
import { tool } from './tool.mjs'

/** Checks types, format and lint rules. What compiles is built. */
export async function check() {
  await buildAndCheckTypes()
  await tool('Checking the format', ['node_modules/oxfmt/bin/oxfmt', '--check', '.'], '`npx oxfmt` formats all files.')
  await tool('Linting', ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'])
}
