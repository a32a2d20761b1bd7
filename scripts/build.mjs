import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { tool } from './tool.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'dist', '.built')
/** What the build is made of. */
const SOURCES = ['src', 'provider/src', 'demo/src', 'scripts/bundle.mjs', 'tsconfig.base.json', 'package.json']
const BUILT = ['dist', 'provider/dist', 'demo/dist']

/**
 * Builds the library, the provider and the demo. Types and declarations come first: nothing is bundled that does not compile.
 * @param {{ clean?: boolean }} [options] `clean`: what an earlier build has left is removed before
 */
export async function build({ clean = false } = {}) {
  const began = new Date()
  if (clean) for (const folder of BUILT) removeBuilt(folder)
  await tool('Building', ['node_modules/typescript/bin/tsc', '-b', 'demo'])
  await tool('Bundling', ['scripts/bundle.mjs'])
  markBuilt(began)
}

/** Checks the types of everything, and bundles what was compiled. */
export async function buildAndCheckTypes() {
  const began = new Date()
  await tool('Checking types', ['node_modules/typescript/bin/tsc', '-b'])
  await tool('Bundling', ['scripts/bundle.mjs'])
  markBuilt(began)
}

/** Whether a source is newer than the last build. */
export function isStale() {
  if (!existsSync(stamp)) return true
  const builtAt = statSync(stamp).mtimeMs
  return SOURCES.some((name) => newestIn(join(root, name)) > builtAt)
}

function removeBuilt(folder) {
  rmSync(join(root, folder), { recursive: true, force: true })
}

function markBuilt(at) {
  writeFileSync(stamp, '')
  utimesSync(stamp, at, at)
}

function newestIn(path) {
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  const names = readdirSync(path)
  return names.reduce((newest, name) => Math.max(newest, newestIn(join(path, name))), stats.mtimeMs)
}
