import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const stores = join(import.meta.dirname, '../../src/stores')

const files = (folder: string): string[] =>
  readdirSync(join(stores, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name))
/** Lines that are neither blank nor comments. */
const linesOf = (names: readonly string[]): number =>
  names
    .map((name) => readFileSync(join(stores, name), 'utf8').replaceAll(/\/\*\*.*?\*\//gs, ''))
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.trim() !== '' && !line.trim().startsWith('//')).length
/** What is no part of the generic store: the contract, its rules, and the store that other stores are compared with. */
const APART = /^(store|rules|index|expiring-map|memory(-\w+)?)\.ts$/

const DATABASES = readdirSync(stores, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

test.each(DATABASES)('no rule of the store contract stands in the folder of %s', (database) => {
  const rules = files(database).filter((name) =>
    /\b(lease|intent|send_?before|back-?off|tombstone)s?\b/i.test(readFileSync(join(stores, name), 'utf8')),
  )
  expect(rules).toEqual([])
})

test('the generic store and its first three databases are at most 2,900 lines of code', () => {
  const generic = files('.').filter((name) => !APART.test(name))
  expect(linesOf([...generic, ...['sqlite', 'postgres', 'redis'].flatMap(files)])).toBeLessThanOrEqual(2900)
})

test.each(['mysql', 'dynamodb'])('the backend of %s, without its entry, is under 160 lines of code', (database) => {
  expect(linesOf(files(database).filter((name) => !name.endsWith('index.ts')))).toBeLessThan(160)
})
