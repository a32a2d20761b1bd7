import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { run } from './child.mjs'
import { npm } from './npm.mjs'
import { during } from './progress.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.evergrant-installed')

/** Whether the lockfile is the one that was installed last. */
export function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === lockDigest()
}

/** Installs the dependencies where they are not those of the lockfile. */
export async function ensureInstalled() {
  if (isInstalled()) return
  await during('Installing the dependencies', install)
  writeFileSync(stamp, lockDigest())
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
}

/** No package needs its install script: those with programs of their own have one package for each platform. */
async function install() {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  for (const lastTry of [false, true]) {
    const { output, status } = await run(...npm(...args), { cwd: root, held: true })
    if (status === 0) return
    if (lastTry) throw new Error(`npm could not install the dependencies. Is the package registry in reach?\n${output}`)
  }
}
