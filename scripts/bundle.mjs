/**
 * Writes the package into dist/, JavaScript and declarations: one file for each entry, one with what `evergrant` loads at once, and one
 * for each folder whose parts it loads later. Node loads three files in a fraction of the time that it takes to load a hundred.
 * The comments are in the declarations.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

import { rolldown } from 'rolldown'

import { declarationsOf } from './declarations.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
const src = join(root, 'src')
/** What `evergrant` loads at once, then what parts of its lower and of its higher layers it loads later. */
const CHUNKS = ['core', 'client', 'refresh', 'grants']
/** The files of modules, by their ids. */
let chunks
const { dependencies, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.values(exports)
  .filter((target) => target.endsWith('.js'))
  .map((target) => target.slice('./dist/'.length, -'.js'.length))

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
  external: [/^node:/, ...Object.keys(dependencies).map((name) => new RegExp(`^${name}(/|$)`))],
  platform: 'neutral',
})
const { output } = await bundle.generate({
  format: 'esm',
  entryFileNames: '[name].js',
  // By their content: a process that runs during an upgrade must not load the new release's parts into the old one.
  chunkFileNames: '[name]-[hash].js',
  comments: { legal: true, annotation: true, jsdoc: false },
  codeSplitting: {
    groups: [
      // With what a module needs, as far as it is in no file before.
      ...CHUNKS.map((name, index) => ({
        name: (id, context) => (chunkOf(id, context) === name ? name : null),
        debugName: name,
        priority: CHUNKS.length - index,
      })),
      { name: 'stores/shared', minShareCount: 2, test: /\/src\/stores\// },
    ],
  },
})

// Only what differs is written: another process may be loading the rest.
const paths = new Set()
for (const { code, fileName } of [...output, ...(await declarationsOf(root, entries))]) {
  const path = join(dist, fileName)
  paths.add(path)
  if (code === textOf(path)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, code)
}
// What an earlier build left.
for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name)
  if (/\.(js|ts|map|tsbuildinfo)$/.test(name) && !paths.has(path)) rmSync(path)
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The file that a module belongs in; none for one that `evergrant` doesn't need. */
function chunkOf(id, context) {
  // As late as this, all modules are known.
  chunks ??= chunksFrom(join(src, 'index.ts'), (each) => context.getModuleInfo(each))
  return chunks.get(id)
}

function chunksFrom(main, getModuleInfo) {
  const found = new Map()
  const later = []
  const visit = (id, name) => {
    const module = getModuleInfo(id)
    if (found.has(id) || !id.startsWith(root) || module === null) return
    found.set(id, name)
    for (const each of module.importedIds) visit(each, name)
    later.push(...module.dynamicallyImportedIds)
  }
  visit(main, 'core')
  // Lower layers first: what is in a file of theirs is in no file of higher ones. A list that grows is read to its end.
  for (const name of CHUNKS.slice(1)) {
    for (const id of later) if (name === CHUNKS.at(-1) || relative(src, id).startsWith(name)) visit(id, name)
  }
  // An entry is a file of its own.
  found.delete(main)
  return found
}
