import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { run } from './child.mjs'
import { npm } from './npm.mjs'
import { during } from './progress.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** npm writes it when an installation is complete. */
const INSTALLED = join(root, 'node_modules', '.package-lock.json')

/** Whether all that the lockfile names is installed, by this or by npm. Packages of other platforms are optional. */
export function isInstalled() {
  if (!existsSync(INSTALLED)) return false
  const installed = packagesIn(INSTALLED)
  return Object.entries(packagesIn(join(root, 'package-lock.json')))
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, { integrity, optional, version }]) => {
      const found = installed[path]
      return found === undefined ? optional === true : found.version === version && found.integrity === integrity
    })
}

/** Installs the dependencies where they are not those of the lockfile. */
export async function ensureInstalled() {
  if (!isInstalled()) await during('Installing the dependencies', install)
}

const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages

/** No package needs its install script: those with programs of their own have one package for each platform. */
async function install() {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  for (const lastTry of [false, true]) {
    const { output, status } = await run(...npm(...args), { cwd: root, held: true })
    if (status === 0) return
    if (lastTry) throw new Error(`npm could not install the dependencies. Is the package registry in reach?\n${output}`)
  }
}
