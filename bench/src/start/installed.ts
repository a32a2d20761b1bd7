import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { npm } from '../../../scripts/npm.mjs'
import { manifest } from '../harness/machine.ts'

/** What an application installs with some packages. */
export interface Installed {
  /** Packages that these depend on, and those on further ones. */
  readonly dependencies: number
  /** All of their files. */
  readonly bytes: number
}

/** `folder`: where they are imported. Optional and peer dependencies are not counted. */
export function installed(packages: readonly string[], folder: string): Installed {
  const found = new Set<string>()
  const visit = (name: string, from: string): void => {
    const place = placeOf(name, from)
    if (found.has(place)) return
    found.add(place)
    for (const dependency of Object.keys(manifest(place).dependencies ?? {})) visit(dependency, place)
  }
  for (const name of packages) visit(name, folder)
  const bytes = [...found].reduce((sum, place) => sum + sizeOf(place), 0)
  return { dependencies: found.size - packages.length, bytes }
}

/** Where a package lies that a file in `from` imports. */
function placeOf(name: string, from: string): string {
  const place = join(from, 'node_modules', name)
  if (existsSync(join(place, 'package.json'))) return realpathSync(place)
  const above = dirname(from)
  if (above === from) throw new Error(`${name} is not installed: run \`npm install\`.`)
  return placeOf(name, above)
}

function sizeOf(place: string): number {
  // A workspace is more than what it publishes.
  return place.includes('node_modules') ? folderSize(place) : publishedSize(place)
}

function folderSize(folder: string): number {
  const sizes = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const path = join(folder, entry.name)
    if (entry.name === 'node_modules') return 0
    return entry.isDirectory() ? folderSize(path) : statSync(path).size
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

function publishedSize(folder: string): number {
  const text = execFileSync(...npm('pack', '--dry-run', '--json', '--ignore-scripts'), {
    cwd: folder,
    encoding: 'utf8',
  })
  const [published] = Object.values(JSON.parse(text) as Record<string, { readonly unpackedSize: number }>)
  if (published === undefined) throw new Error(`Expected npm to say what ${folder} publishes.`)
  return published.unpackedSize
}
