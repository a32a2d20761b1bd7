import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const folder = import.meta.dirname
const readme = readFileSync(join(folder, 'README.md'), 'utf8')
const rows = readme.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Case of the original'))

/** The test files that a cell links to, each with the names that follow it. */
const links = (cell: string) =>
  cell
    .split(/(?=\[[\w ]+\]\([\w-]+\.test\.ts\))/)
    .map((part) => ({
      file: /\]\(([\w-]+\.test\.ts)\)/.exec(part)?.[1],
      names: [...part.matchAll(/\*([^*]+)\*/g)].map((match) => match[1]!),
    }))
    .filter((link) => link.file !== undefined)

test('every case of the original is re-created in a test that exists, or left out with a reason', () => {
  expect(rows.length).toBeGreaterThan(60)
  for (const row of rows) {
    const [, here = '', ...more] = row.split(' | ')
    expect(more, row).toEqual([])
    const found = links(here)
    if (found.length === 0) expect(here, row).toMatch(/^(Left out|Not yet|The same tests)/)
    for (const { file, names } of found) {
      const text = readFileSync(join(folder, file!), 'utf8')
      expect(names.length, row).toBeGreaterThan(0)
      for (const name of names) expect(text, `${file}: ${name}`).toContain(name)
    }
  }
})

test('every file of this folder is in the table', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.test.ts') && file !== 'readme.test.ts')
  expect(files.filter((file) => !readme.includes(`(${file})`))).toEqual([])
})
