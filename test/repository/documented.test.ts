import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, string> }
const entries = Object.entries(exports)
  .filter(([, target]) => target.endsWith('.js'))
  .map(([subpath, target]) => [subpath, target.replace('./dist/', 'src/').replace(/\.js$/, '.ts')] as const)

/** Names exported by a file, each with the file that declares it. */
function declarations(file: string): { name: string; file: string }[] {
  const text = readFileSync(file, 'utf8')
  const own = [
    ...text.matchAll(
      /^export (?:declare )?(?:abstract )?(?:async )?(?:class|function\*?|const|interface|type|let) (\w+)/gm,
    ),
  ].map((match) => ({
    name: match[1]!,
    file,
  }))
  const passed = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)].flatMap((match) =>
    match[1]!
      .split(',')
      .map((each) => each.trim().replace(/^type /, ''))
      .filter((each) => each !== '')
      .flatMap((each) => {
        const [name, alias = name] = each.split(' as ') as [string, string?]
        const target = join(dirname(file), match[2]!)
        return declarations(target)
          .filter((found) => found.name === name)
          .map((found) => ({ name: alias, file: found.file }))
      }),
  )
  return [...own, ...passed]
}

function isDocumented(name: string, file: string): boolean {
  const lines = readFileSync(file, 'utf8').split('\n')
  const at = lines.findIndex((line) =>
    new RegExp(`^export (declare )?(abstract )?(async )?(class|function\\*?|const|interface|type|let) ${name}\\b`).test(
      line,
    ),
  )
  return at > 0 && lines[at - 1]!.trim().endsWith('*/')
}

test.each(entries)('every name that %s exports has a doc comment', (_subpath, entry) => {
  const file = join(root, entry)
  expect(existsSync(file), `${entry} exists`).toBe(true)
  const found = declarations(file)
  expect(found.length).toBeGreaterThan(0)
  expect(found.filter(({ name, file: at }) => !isDocumented(name, at)).map(({ name }) => name)).toEqual([])
})

// Presets are one documented constant each.
const modules = entries.filter(([subpath]) => !subpath.startsWith('./providers/'))

test.each(modules)('the entry of %s begins with @module and an example', (_subpath, entry) => {
  const text = readFileSync(join(root, entry), 'utf8')
  const [head = ''] = text.split('*/')
  expect(text.startsWith('/**')).toBe(true)
  expect(head).toContain('@module')
  expect(head).toContain('```ts')
})
