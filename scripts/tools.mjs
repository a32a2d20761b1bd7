/**
 * Compilers and runtimes that the package is tried with and that are too heavy for everybody's `npm install`. Each is a package of the
 * registry, installed in `.tools/` by the proof that uses it (`npm run prove -- types` or `runtimes`). `npm test` uses what is there. Install scripts are not run: the programs are files of the packages.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { npm } from './npm.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const windows = process.platform === 'win32'
const platform = `${windows ? 'win' : process.platform}-${process.arch}`

const compiler = (version) => ({ packages: [`typescript@${version}`], program: 'typescript/bin/tsc' })
const nodeJs = (version) => ({
  packages: [`node-${platform}@${version}`],
  program: `node-${platform}/bin/node${windows ? '.exe' : ''}`,
})

/** Each tool's packages, and its program in their `node_modules`: `*` is the folder that npm chose for this system. */
export const TOOLS = {
  bun: { packages: ['bun@1.4.5'], program: `@oven/*/bin/bun${windows ? '.exe' : ''}` },
  deno: { packages: ['deno@2.9.6'], program: `@deno/*/deno${windows ? '.exe' : ''}` },
  'node-20.19': nodeJs('20.19.0'),
  'node-22.13': nodeJs('22.13.0'),
  'node-24': nodeJs('24.21.0'),
  'node-25': nodeJs('25.9.0'),
  'node-26': nodeJs('26.12.1'),
  rollup: { packages: ['rollup@4.68.8', '@rollup/plugin-node-resolve@16.0.3'], program: 'rollup/dist/es/rollup.js' },
  webpack: { packages: ['webpack@5.113.0'], program: 'webpack/lib/index.js' },
  'typescript-5.4': compiler('5.4.5'),
  'typescript-5.5': compiler('5.5.4'),
  'typescript-5.6': compiler('5.6.3'),
  'typescript-5.7': compiler('5.7.3'),
  'typescript-5.8': compiler('5.8.3'),
  'typescript-5.9': compiler('5.9.3'),
  'typescript-6.0': compiler('6.0.3'),
  'typescript-7.0': compiler('7.0.2'),
}

const folderOf = (name) => join(root, '.tools', TOOLS[name].packages[0].replace(/[/@]+/g, '-'))

/** The path of a tool's program; undefined: not installed. */
export function findTool(name) {
  const folder = folderOf(name)
  if (!existsSync(join(folder, 'installed'))) return undefined
  const [first, ...rest] = TOOLS[name].program.split('/*/')
  const modules = join(folder, 'node_modules', first)
  if (rest.length === 0) return modules
  return readdirSync(modules)
    .map((entry) => join(modules, entry, ...rest))
    .find((path) => existsSync(path))
}

/**
 * Finds a tool, or installs it.
 * @returns {string | undefined} the path of its program; undefined: it could not be installed
 */
export function ensureTool(name) {
  const found = findTool(name)
  if (found !== undefined) return found
  const folder = folderOf(name)
  console.log(`Installing ${TOOLS[name].packages.join(' ')} (once)…`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }')
  const args = ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error']
  const [command, all] = npm(...args, ...TOOLS[name].packages)
  const { status } = spawnSync(command, all, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status === 0) writeFileSync(join(folder, 'installed'), '')
  return findTool(name)
}
