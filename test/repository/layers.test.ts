import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const src = join(root, 'src')

/** The layers, lowest first: a file imports from its own layer and from those before it. */
const LAYERS: readonly (readonly string[])[] = [
  ['util/'],
  ['model/'],
  ['client/', 'providers/', 'seal/', 'telemetry/'],
  ['stores/'],
  ['refresh/', 'fetch/'],
  ['login/'],
  ['session.ts'],
  ['grants/', 'grants.ts'],
  ['web/'],
  ['index.ts', 'undici/', 'testing/'],
]
/**
 * Entries that no other folder imports, with what they may import: the test fakes without the refresh layer, so that a
 * store's author needs nothing else; the telemetry with the model only, because it observes from outside.
 */
const ALONE: Readonly<Record<string, readonly string[]>> = {
  'testing/': ['util/', 'model/', 'client/', 'providers/', 'seal/', 'stores/', 'testing/'],
  'telemetry/': ['util/', 'model/', 'telemetry/'],
}

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.replaceAll('\\', '/'))

const importsOf = (path: string): string[] =>
  [
    ...readFileSync(path, 'utf8').matchAll(
      /^(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(['"]([^'"]+)['"]\)|^import\s+['"]([^'"]+)['"]/gm,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3]!)

/** The files of src that a file of src imports. */
const ownImportsOf = (file: string): string[] =>
  importsOf(join(src, file))
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(src, join(src, dirname(file), name)).replaceAll('\\', '/'))

const within = (file: string, names: readonly string[]) =>
  names.some((name) => (name.endsWith('/') ? file.startsWith(name) : file === name))
const layerOf = (file: string) => LAYERS.findIndex((names) => within(file, names))

test('every file of src belongs to a layer', () => {
  expect(files(src).filter((file) => layerOf(file) === -1)).toEqual([])
})

test('imports point one way', () => {
  const wrong: string[] = []
  for (const file of files(src)) {
    for (const target of ownImportsOf(file)) {
      const own = Object.entries(ALONE).find(([folder]) => file.startsWith(folder))
      const allowed =
        own === undefined
          ? !within(target, Object.keys(ALONE)) && layerOf(target) <= layerOf(file)
          : within(target, own[1])
      if (!allowed) wrong.push(`${file} -> ${target}`)
    }
  }
  expect(wrong).toEqual([])
})

test('no files of src import each other in a circle, types included', () => {
  let left = new Map(files(src).map((file) => [file, ownImportsOf(file)]))
  // What imports nothing that is left, or is imported by nothing that is left, is in no circle.
  for (let before = 0; before !== left.size;) {
    before = left.size
    const imported = new Set([...left.values()].flat())
    left = new Map([...left].filter(([file, all]) => imported.has(file) && all.some((target) => left.has(target))))
  }
  expect([...left.keys()]).toEqual([])
})

test('only the SQLite store imports from node:, except a type; only the two runtime dependencies are imported, and the peer of telemetry', () => {
  const foreign = files(src).flatMap((file) =>
    importsOf(join(src, file))
      .filter((name) => !name.startsWith('.'))
      .filter((name) => !(name.startsWith('node:') && file.startsWith('stores/sqlite/')))
      .filter((name) => !(name === 'node:crypto' && file === 'util/node-crypto.ts'))
      .filter((name) => !(name === '@opentelemetry/api' && file.startsWith('telemetry/')))
      .filter((name) => !/^(oauth4webapi|jose)(\/|$)/.test(name))
      .map((name) => `${file} -> ${name}`),
  )
  expect(foreign).toEqual([])
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<'dependencies' | 'peerDependencies' | 'peerDependenciesMeta', object>
  expect(Object.keys(dependencies).sort()).toEqual(['jose', 'oauth4webapi'])
  expect(Object.keys(peerDependencies)).toEqual(['@opentelemetry/api'])
  expect(peerDependenciesMeta).toEqual({ '@opentelemetry/api': { optional: true } })
})

test('the workspaces import the library by its name only', () => {
  for (const workspace of ['provider', 'demo']) {
    for (const file of files(join(root, workspace, 'src'))) {
      const escaping = importsOf(join(root, workspace, 'src', file)).filter(
        (name) =>
          relative(join(root, workspace), join(root, workspace, 'src', dirname(file), name)).startsWith('..') &&
          name.startsWith('.'),
      )
      expect(escaping, `${workspace}/src/${file}`).toEqual([])
    }
  }
})

test('entry files name what they export, and nothing has a default export', () => {
  for (const file of files(src)) {
    const text = readFileSync(join(src, file), 'utf8')
    expect(text, file).not.toMatch(/^export \*/m)
    expect(text, file).not.toMatch(/^export default/m)
  }
})
