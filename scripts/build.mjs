import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { tool } from './tool.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const TSC = 'node_modules/typescript/bin/tsc'
const stamp = join(root, 'dist', '.built')

/** What the build is made of. */
const SOURCES = [
  'src',
  'provider/src',
  'demo/src',
  'scripts/bundle.mjs',
  'scripts/declarations.mjs',
  'tsconfig.base.json',
  'package.json',
]
/** What a build of each project leaves. */
const BUILT = {
  src: ['build', 'dist'],
  provider: ['provider/dist', 'provider/tsconfig.tsbuildinfo'],
  demo: ['demo/dist', 'demo/tsconfig.tsbuildinfo'],
}
const ALL = Object.keys(BUILT)

/**
 * Builds the library, the provider and the demo, or some of them. Types and declarations come first: nothing is bundled that does
 * not compile.
 * @param {{ clean?: boolean, projects?: readonly string[] }} [options] `clean`: what an earlier build has left is removed before
 */
export async function build({ clean = false, projects = [] } = {}) {
  const chosen = projects.length > 0 ? projects : ALL
  const unknown = chosen.find((name) => !ALL.includes(name))
  if (unknown !== undefined) throw new Error(`Expected a project to be one of ${ALL.join(', ')}, got '${unknown}'.`)
  if (clean) for (const path of chosen.flatMap((name) => BUILT[name])) removeBuilt(path)
  const began = new Date()
  await tool('Building', [TSC, '-b', ...chosen])
  if (chosen.includes('src')) await bundle(began)
}

/** Checks the types of everything, and bundles what was compiled. */
export async function buildAndCheckTypes() {
  const began = new Date()
  await tool('Checking types', [TSC, '-b'])
  await bundle(began)
}

/** Whether a source is newer than the last build. */
export function isStale() {
  if (!existsSync(stamp)) return true
  const builtAt = statSync(stamp).mtimeMs
  return SOURCES.some((name) => newestIn(join(root, name)) > builtAt)
}

async function bundle(began) {
  await tool('Bundling', ['scripts/bundle.mjs'])
  writeFileSync(stamp, '')
  utimesSync(stamp, began, began)
}

function removeBuilt(path) {
  rmSync(join(root, path), { recursive: true, force: true })
}

function newestIn(path) {
  const stats = statSync(path)
  if (!stats.isDirectory()) return stats.mtimeMs
  const names = readdirSync(path)
  return names.reduce((newest, name) => Math.max(newest, newestIn(join(path, name))), stats.mtimeMs)
}
