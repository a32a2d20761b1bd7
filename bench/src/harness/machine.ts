import { existsSync, readFileSync } from 'node:fs'
import { arch, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'

/** Where and with what a table was measured. */
export interface Circumstances {
  /** ISO date. */
  readonly date: string
  readonly machine: string
  /** Versions of Node and of the packages that are compared. */
  readonly versions: Readonly<Record<string, string>>
}

const bench = join(import.meta.dirname, '..', '..')

export function circumstances(now: Date): Circumstances {
  const { dependencies, devDependencies } = manifest(bench)
  const all = Object.keys({ ...dependencies, ...devDependencies }).sort()
  const names = all.filter((name) => !name.startsWith('@types/'))
  const versions = Object.fromEntries(names.map((name) => [name, manifest(folderOf(name)).version]))
  return {
    date: now.toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()} ${arch()}`,
    versions: { node: process.versions.node, ...versions },
  }
}

/** Where an installed package lies: the workspace's own, or the root's. */
export function folderOf(name: string): string {
  const places = [bench, join(bench, '..')].map((place) => join(place, 'node_modules', name))
  const found = places.find((place) => existsSync(join(place, 'package.json')))
  if (found === undefined) throw new Error(`${name} is not installed: run \`npm install\`.`)
  return found
}

interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
