import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync, Visitor } from 'rolldown/utils'
import { expect, test } from 'vitest'

import { wordingFindings } from './prose.ts'

const root = join(import.meta.dirname, '../..')

/** The store contract and the refresh protocol define terms of their own. */
const HAVE_THE_PROTOCOL = new Set(['refresh', 'stores', 'testing'])

const MAX_COLUMNS = 120

/** The text of every comment, and of every string that reads like a sentence. */
function textsOf(path: string): string[] {
  const source = readFileSync(path, 'utf8')
  const { comments, program } = parseSync(path, source)
  const texts = comments.map(({ value }) => value.replaceAll(/^\s*\* ?/gm, ''))
  const add = ({ start, end }: { readonly start: number; readonly end: number }): void => {
    const text = source.slice(start + 1, end - 1).replaceAll(/\$\{[^}]*\}/g, 'CODE')
    // Of several lines are SQL and scripts.
    if (/[a-z]{2,} [a-z]+ /.test(text) && !text.includes('\n')) texts.push(text)
  }
  new Visitor({
    Literal: (literal) => (typeof literal.value === 'string' ? add(literal) : undefined),
    TemplateLiteral: add,
  }).visit(program)
  // Code in backticks has its own names.
  return texts.map((text) => text.replaceAll(/`[^`\n]*`/g, 'CODE'))
}

function findingsIn(text: string, folder: string): string[] {
  const found = [...wordingFindings(text, HAVE_THE_PROTOCOL.has(folder))]
  return found.map((finding) => `${finding} in: ${text.trim().slice(0, 100)}`)
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
}

const files = filesIn('src')
const folderOf = (path: string): string => {
  const [, first = '', second] = path.slice(root.length + 1).split(/[\\/]/)
  return second === undefined ? '.' : first
}
const folders = [...new Set(files.map(folderOf))].toSorted()

test.each(folders)('the comments and messages of src/%s have no forbidden words', (folder) => {
  const findings = files
    .filter((path) => folderOf(path) === folder)
    .flatMap((path) => textsOf(path).flatMap((text) => findingsIn(text, folder)))
  expect(findings).toEqual([])
})

test('comment lines have at most 120 columns', () => {
  const long = files.flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.length > MAX_COLUMNS && /^\s*(?:\/\/|\/?\*)/.test(line))
      .map((line) => `${path.slice(root.length + 1)}: ${line.trim().slice(0, 60)}`),
  )
  expect(long).toEqual([])
})
