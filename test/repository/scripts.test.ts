import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { findProof } from '../../scripts/prove.mjs'
import { filesOf } from '../../scripts/test-files.mjs'

const root = join(import.meta.dirname, '../..')

interface LockedPackage {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly inBundle?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const lockedIn = (file: string): Readonly<Record<string, LockedPackage>> =>
  (JSON.parse(readFileSync(join(root, file), 'utf8')) as { packages: Record<string, LockedPackage> }).packages

/** Whether a package finds another in its own folder or in one above, as Node looks for it. */
function finds(packages: Readonly<Record<string, LockedPackage>>, from: string, name: string): boolean {
  const parts = from.split('/')
  return parts
    .map((_part, index) => parts.slice(0, parts.length - index).join('/'))
    .concat('')
    .some((folder) => Object.hasOwn(packages, `${folder === '' ? '' : `${folder}/`}node_modules/${name}`))
}

test.each(['package-lock.json', 'scripts/node/package-lock.json'])('%s is complete for every platform', (file) => {
  const packages = lockedIn(file)
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !finds(packages, path, name))
      .map((name) => `${path} needs ${name}`),
  )
  expect(missing).toEqual([])
})

test.each(['package-lock.json', 'scripts/node/package-lock.json'])(
  '%s has a digest of each package, and names no registry',
  (file) => {
    const fetched = Object.entries(lockedIn(file)).filter(
      ([path, { inBundle, link }]) => path.includes('node_modules/') && link !== true && inBundle !== true,
    )
    expect(fetched.length).toBeGreaterThan(0)
    expect(fetched.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([])
    expect(fetched.filter(([, { resolved }]) => /^https?:/.test(resolved ?? '')).map(([path]) => path)).toEqual([])
  },
)

const FILES = ['test/util/clock.test.ts', 'test/util/crypto.test.ts', 'demo/test/routes.test.ts']

test.each([
  { args: [], fits: FILES },
  { args: ['test/util'], fits: FILES.slice(0, 2) },
  { args: ['./test/util/clock.test.ts:12'], fits: FILES.slice(0, 1) },
  { args: ['UTIL\\clock'], fits: FILES.slice(0, 1) },
  { args: ['routes', '-t', 'no name of a file'], fits: FILES.slice(2) },
  { args: ['--coverage', 'routes', 'clock'], fits: [FILES[2], FILES[0]] },
])('the arguments $args of `npm test` name their files', ({ args, fits }) => {
  expect(filesOf(args, FILES)).toEqual(fits)
})

test('each name must match a file, also next to a name that does', () => {
  expect(() => filesOf(['routes', 'rutes'], FILES)).toThrow("No test file has 'rutes' in its path.")
})

test('a proof that does not exist is an error with the names of those that do', () => {
  expect(findProof('storm')).toBe('scripts/proofs/storm.mjs')
  expect(() => findProof('strom')).toThrow(/storm.*got strom/)
  expect(() => findProof(undefined)).toThrow(/got nothing/)
})

test('work shows plain lines where there is no terminal', () => {
  const program = `
    import { during, say } from './scripts/progress.mjs'
    await during('Working', async (update) => update('1 of 1'))
    say('done')
  `
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  })
  expect({ stderr, stdout }).toEqual({ stderr: 'Working…\n', stdout: 'done\n' })
})

test('no script needs a POSIX shell', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const script of Object.values(scripts)) expect(script).toMatch(/^node scripts\/run\.mjs( [\w-]+)+$/)
  const shells = readdirSync(join(root, 'scripts'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.mjs'))
    .filter((name) => /'(?:ba)?sh'|\.split\(':'\)|shell: true/.test(readFileSync(join(root, 'scripts', name), 'utf8')))
  expect(shells).toEqual([])
})
