import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { bundleOf } from '../src/start/bundle.ts'
import { CLIENT_AND_SESSION, ENTRIES, packagesOf, sourceOf } from '../src/start/entries.ts'
import { importInProcess, modulesOf } from '../src/start/import-in-process.ts'
import { installed } from '../src/start/installed.ts'
import { startAims, weights } from '../src/tables/start.ts'

/** A folder of files, by their paths in it. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'evergrant-bench-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  return folder
}

test('an entry names its packages once, and a module that uses just its names', () => {
  const entry = { label: 'two', imports: { '@a/b/c.js': ['d', 'e'], '@a/b': ['f'], g: ['h'] } }
  expect(packagesOf(entry)).toEqual(['@a/b', 'g'])
  expect(sourceOf(entry)).toBe("export { d, e } from '@a/b/c.js'\nexport { f } from '@a/b'\nexport { h } from 'g'\n")
})

test('a bundle holds what is used and nothing else, and says which file it comes from', async () => {
  const folder = await folderWith({
    'used.js': `export const used = '${'u'.repeat(500)}'\nexport const unused = '${'n'.repeat(500)}'\n`,
    'node_modules/pack/package.json': '{"name":"pack","main":"index.js"}',
    'node_modules/pack/index.js': `exports.packed = '${'p'.repeat(500)}'\n`,
  })
  const { bytes, files, gzipBytes } = await bundleOf("export { used } from './used.js'; export * from 'pack'", folder)
  expect(bytes).toBeGreaterThan(1_000)
  expect(bytes).toBeLessThan(2_500)
  expect(gzipBytes).toBeLessThan(bytes / 2)
  expect(files['used.js']).toBeGreaterThan(500)
  expect(files['used.js']).toBeLessThan(1_000)
  expect(files['node_modules/pack/index.js']).toBeGreaterThan(500)
})

test('a bundle leaves out what is imported later, and says how large it is with it', async () => {
  const folder = await folderWith({
    'used.js': "export const used = () => import('./later.js')\n",
    'later.js': `export const later = '${Array.from({ length: 500 }, (_, index) => index).join('')}'\n`,
  })
  const { bytes, files, gzipBytes, wholeGzipBytes } = await bundleOf("export { used } from './used.js'", folder)
  expect(bytes).toBeLessThan(200)
  expect(files).not.toHaveProperty(['later.js'])
  expect(wholeGzipBytes).toBeGreaterThan(gzipBytes + 500)
})

test('what is installed is counted once, with what it depends on, from the nearest place', async () => {
  const manifest = (name: string, ...dependencies: string[]) =>
    JSON.stringify({ name, dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, '*'])) })
  const files = {
    'node_modules/a/package.json': manifest('a', 'b', 'c'),
    'node_modules/b/package.json': manifest('b', 'c', 'a'),
    'node_modules/c/package.json': manifest('c'),
    'node_modules/c/lib/large.js': 'x'.repeat(10_000),
    'node_modules/b/node_modules/c/package.json': manifest('c'),
    'node_modules/unused/package.json': manifest('unused'),
  }
  const folder = await folderWith(files)
  const { bytes, dependencies } = installed(['a'], join(folder, 'src'))
  expect(dependencies).toBe(3)
  const { 'node_modules/unused/package.json': _, ...counted } = files
  expect(bytes).toBe(Object.values(counted).join('').length)
  expect(() => installed(['missing'], folder)).toThrow('missing is not installed')
})

test('Evergrant is installed as it is published', () => {
  const { bytes, dependencies } = installed(['evergrant'], import.meta.dirname)
  expect(dependencies).toBe(2)
  expect(bytes).toBeLessThan(5_000_000)
})

test('a fresh process tells what an import took, and which modules it loaded', async () => {
  const entry = { label: 'one', imports: { oauth4webapi: ['protectedResourceRequest'] } }
  expect((await importInProcess(entry)).ms).toBeGreaterThan(0)
  expect(await modulesOf(entry)).toEqual([expect.stringMatching(/node_modules\/oauth4webapi\/.*\.js$/)])
  expect(await modulesOf({ label: 'nothing', imports: {} })).toEqual([])
})

test('what is optional is seen where it is loaded, and client and session load none of it', async () => {
  const bundle = { bytes: 1, gzipBytes: 1, wholeGzipBytes: 1, files: {} }
  const loadedAim = async (imports: Readonly<Record<string, readonly string[]>>) => {
    const loaded = await modulesOf({ label: '', imports })
    const ms = { median: 1, q1: 1, q3: 1, n: 1 }
    return startAims({ importMs: ms, grantsMs: ms, loaded, bundle })[3]
  }
  expect(await loadedAim(CLIENT_AND_SESSION.imports)).toMatchObject({ met: true, measured: 'none is' })
  const modules = ['evergrant/seal', 'evergrant/sqlite', 'evergrant/postgres', 'evergrant/redis']
  for (const module of [...modules, 'evergrant/providers', 'evergrant/testing']) {
    expect(await loadedAim({ [module]: [] })).toMatchObject({ met: false })
  }
})

test('the aims of starting are missed by too long an import or too large a bundle, and then say why', () => {
  const aims = (ms: number, gzipBytes: number) =>
    startAims({
      importMs: { median: ms, q1: ms, q3: ms, n: 1 },
      grantsMs: { median: 2 * ms, q1: ms, q3: ms, n: 1 },
      loaded: ['file:///evergrant/dist/index.js'],
      bundle: { bytes: 40_000, gzipBytes, wholeGzipBytes: gzipBytes, files: { 'dist/client/a.js': 1_000 } },
    })
  expect(aims(12, 30_000).map(({ met }) => met)).toEqual([true, true, true, true])
  expect(aims(13, 30_000)[1]).toMatchObject({ met: false })
  const [time, , size] = aims(12.1, 30_001)
  expect(time).toMatchObject({ met: false, why: expect.stringContaining('1 files') as string })
  expect(size).toMatchObject({
    met: false,
    why: expect.stringContaining('Of 40 KB minified, evergrant 1 KB.') as string,
  })
})

test('weights are summed by package', () => {
  const files = {
    '../dist/index.js': 3_000,
    '../dist/session.js': 500,
    '../node_modules/@a/b/index.js': 4_000,
    '../node_modules/c/index.js': 0,
  }
  expect(weights({ files })).toBe('@a/b 4 KB, evergrant 3.5 KB')
})

test('every entry but the control imports something', () => {
  expect(ENTRIES.filter((entry) => packagesOf(entry).length === 0)).toHaveLength(1)
})
