/**
 * The Node that runs the project's tools and tests: the one that runs this, or a newer one in `.tools/`.
 * `node scripts/node.mjs FILE [ARGUMENT …]` runs a file with it.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { finish, run } from './child.mjs'
import { npm } from './npm.mjs'
import { during } from './progress.mjs'
import { TYPE_FLAGS } from './type-flags.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pinned = join(root, 'scripts', 'node')
const folder = join(root, '.tools', 'node')

/** The oldest Node that the tests run on. The library itself supports older ones. */
const OLDEST = '22.13'

const [major, minor] = process.versions.node.split('.').map(Number)
const isRecent = major > 22 || (major === 22 && minor >= 13)

/** The path of that Node; undefined: it is not installed yet. */
export function findNode() {
  if (isRecent) return process.execPath
  const program = platformProgram()
  return program !== undefined && existsSync(program) && isPinned() ? program : undefined
}

/** Installs that Node where the running one is older. */
export async function ensureNode() {
  const found = findNode()
  if (found !== undefined) return linked(found)
  const program = platformProgram()
  if (program === undefined) {
    throw new Error(
      `There is no Node for ${process.platform} ${process.arch} to install. Install Node ${OLDEST} or newer.`,
    )
  }
  await during('Installing a newer Node for development', () => install())
  const { status, stderr } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  if (status !== 0) {
    throw new Error(`The installed Node does not run on this system: ${stderr}\nInstall Node ${OLDEST} or newer.`)
  }
  writeFileSync(join(folder, 'installed'), lockfile())
  return linked(program)
}

/** Links a newer Node where npm's scripts and other tools find programs: `npx node FILE` then runs it. */
function linked(program) {
  const link = join(root, 'node_modules', '.bin', 'node')
  if (!isRecent && process.platform !== 'win32' && existsSync(dirname(link)) && !existsSync(link)) {
    rmSync(link, { force: true })
    symlinkSync(program, link)
  }
  return program
}

/** What the environment needs so that this Node runs TypeScript files. */
export function nodeEnv() {
  if (!isRecent || TYPE_FLAGS === '') return {}
  return { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${TYPE_FLAGS}`.trim() }
}

/** npm checks the package against the digest of the lockfile, and runs none of its scripts. */
async function install() {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(pinned, name), join(folder, name))
  const args = ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  for (const lastTry of [false, true]) {
    const { output, status } = await run(...npm(...args), { cwd: folder, held: true })
    if (status === 0) return
    if (lastTry) throw new Error(`npm could not install Node: ${output}\nInstall Node ${OLDEST} or newer yourself.`)
  }
}

/** Where the package of this platform has its program; undefined: there is no such package. */
function platformProgram() {
  const entries = Object.entries(JSON.parse(lockfile()).packages)
  const [path, found] = entries.find(([, { cpu, os }]) => os === process.platform && cpu === process.arch) ?? []
  return found && join(folder, path, found.bin.node)
}

function isPinned() {
  const stamp = join(folder, 'installed')
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockfile()
}

function lockfile() {
  return readFileSync(join(pinned, 'package-lock.json'), 'utf8')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { status } = await run(await ensureNode(), process.argv.slice(2), { env: nodeEnv() })
  finish(status)
}
