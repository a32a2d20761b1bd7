import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { declarationsOf } from '../../scripts/declarations.mjs'

export const root = join(import.meta.dirname, '../..')

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, string> }

/** The package's entries: its subpaths, each with its file in `dist/` without the ending. */
export const ENTRIES: ReadonlyMap<string, string> = new Map(
  Object.entries(exports)
    .filter(([, target]) => target.endsWith('.js'))
    .map(([subpath, target]) => [`evergrant${subpath.slice(1)}`, target.slice('./dist/'.length, -'.js'.length)]),
)

/** The published declarations as the sources have them now, by file name: what an earlier build left in `dist/` does not matter. */
export async function publishedDeclarations(): Promise<ReadonlyMap<string, string>> {
  const files = await declarationsOf(root, [...ENTRIES.values()])
  return new Map(files.map(({ fileName, code }) => [fileName, code]))
}

/** A file of declarations: what it declares, each with its kind, and what it exports, each with where that comes from. */
export interface Declarations {
  readonly declared: ReadonlyMap<string, string>
  readonly exported: ReadonlyMap<string, { readonly name: string; readonly typeOnly: boolean }>
  readonly imported: ReadonlyMap<string, { readonly name: string; readonly file: string }>
  /** Packages that it imports from. */
  readonly packages: readonly string[]
}

const DECLARATION =
  /^(export )?(?:declare )?(?:abstract )?(class|interface|type|function|const|let|enum|namespace) (\w+)/gm

/** Reads a published file: top-level declarations begin their line, imports and exports are lists of names. */
export function readDeclarations(fileName: string, code: string): Declarations {
  const declared = new Map<string, string>()
  const exported = new Map<string, { name: string; typeOnly: boolean }>()
  const imported = new Map<string, { name: string; file: string }>()
  const packages: string[] = []
  for (const [, keyword, kind = '', name = ''] of code.matchAll(DECLARATION)) {
    declared.set(name, kind)
    if (keyword !== undefined) exported.set(name, { name, typeOnly: false })
  }
  for (const [, names = '', from = ''] of code.matchAll(/^import (?:type )?\{([^}]*)\} from "([^"]+)";$/gm)) {
    if (!from.startsWith('.')) packages.push(from)
    const file = posix.join(posix.dirname(fileName), from.replace(/\.js$/, '.d.ts'))
    for (const { name, alias } of namesIn(names)) imported.set(alias, { name, file })
  }
  for (const [, all, names = ''] of code.matchAll(/^export (type )?\{([^}]*)\};$/gm)) {
    for (const { name, alias, typeOnly } of namesIn(names))
      exported.set(alias, { name, typeOnly: typeOnly || all !== undefined })
  }
  return { declared, exported, imported, packages }
}

function namesIn(list: string): { name: string; alias: string; typeOnly: boolean }[] {
  return list
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => {
      const [name = '', alias = name] = each.replace(/^type /, '').split(' as ')
      return { name, alias, typeOnly: each.startsWith('type ') }
    })
}
