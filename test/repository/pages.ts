import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

const SKIPPED = new Set(['node_modules', 'dist', 'coverage'])

function pagesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return pagesIn(path)
    return entry.name.endsWith('.md') ? [path.replaceAll('\\', '/')] : []
  })
}

/** Every Markdown page of the repository, as a path with `/` from its root. */
export const pages: readonly string[] = pagesIn('.')

export const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Where the packages' names lead: to their sources, not to what was built of them. */
export function sourceEntries(): Record<string, string> {
  const { name, exports } = JSON.parse(textOf('package.json')) as { name: string; exports: Record<string, string> }
  const entries = Object.entries(exports).map(([subpath, target]) => [
    name + subpath.slice(1),
    join(root, target.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
  ])
  return { ...Object.fromEntries(entries), '@evergrant/provider': join(root, 'provider/src/index.ts') }
}
