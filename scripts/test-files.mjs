import { readdirSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const FOLDERS = ['test', 'provider/test', 'demo/test', 'bench/test']
/** Run by the machine's own Node, without Vitest. */
export const SMOKE = 'test/smoke'

/** Options of Vitest whose value is an argument of its own. */
const WITH_VALUE = new Set([
  '-t',
  '-c',
  '-r',
  '--testNamePattern',
  '--config',
  '--root',
  '--reporter',
  '--project',
  '--pool',
])

/** All test files, as paths from the root with slashes. */
export function testFiles() {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((path) => /\.test\.m?ts$|\.test\.mjs$/.test(path)),
  )
}

/**
 * The test files that the arguments name. As Vitest does it, a name fits every path that contains it.
 * @param {readonly string[]} args
 * @throws {Error} when a name fits none
 */
export function filesOf(args, files = testFiles()) {
  const names = namesIn(args)
  if (names.length === 0) return files
  const found = names.map((name) => files.filter((path) => path.toLowerCase().includes(searched(name))))
  const missing = names.filter((_name, index) => found[index].length === 0)
  if (missing.length === 0) return [...new Set(found.flat())]
  const list = missing.map((name) => `'${name}'`).join(', ')
  throw new Error(`No test file has ${list} in its path. The folders of tests are ${FOLDERS.join(', ')}.`)
}

function namesIn(args) {
  return args.filter((arg, index) => !arg.startsWith('-') && !WITH_VALUE.has(args[index - 1]))
}

/** A path from the root, without the line that Vitest takes after a colon. */
function searched(name) {
  const path = name.replace(/:\d+$/, '')
  const isPath = isAbsolute(path) || /^\.{1,2}[\\/]/.test(path)
  return (isPath ? relative(root, resolve(path)) : path).replaceAll('\\', '/').toLowerCase()
}
