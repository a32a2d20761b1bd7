import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

import type { Backend } from '../../src/stores/index.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { backendContract, storeContract } from '../../src/testing/index.ts'

interface Sample {
  fileStore(path: string): Promise<GrantStore>
  FileBackend: { open(path: string): Promise<Backend> }
}

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/writing-a-store.md'), 'utf8')
const [, code = ''] = /```ts\n([\s\S]*?)\n```/.exec(page) ?? []

const folder = mkdtempSync(join(tmpdir(), 'evergrant-sample-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The page's backend as a module, which imports the library's sources. */
async function sample(): Promise<Sample> {
  const file = join(folder, 'file-store.ts')
  const library = pathToFileURL(join(root, 'src/stores/index.ts')).href
  writeFileSync(file, code.replaceAll("'evergrant/store'", `'${library}'`))
  return (await import(pathToFileURL(file).href)) as Sample
}

const { FileBackend, fileStore } = await sample()

test('the backend of the page is complete in less than 120 lines', () => {
  expect(code.split('\n').length).toBeLessThan(120)
})

describe('the backend of the page keeps the backend contract:', () => {
  const create = (): Promise<Backend> => FileBackend.open(join(folder, 'backend.jsonl'))
  for (const { name, run } of backendContract({ create })) test(name, run)
})

describe('the store of the page keeps the store contract:', () => {
  for (const { name, run } of storeContract({ create: () => fileStore(join(folder, 'store.jsonl')) })) test(name, run)
})

test('the backend of the page keeps its rows when it is opened again, also after a line that was cut short', async () => {
  const path = join(folder, 'reopened.jsonl')
  const write = { entry: '{}', index: { state: 'document' }, sameIndex: false, durable: true } as const
  const first = await FileBackend.open(path)
  await first.swap('"a"', undefined, '1', { ...write, sealed: 'old' })
  await first.swap('"a"', '1', '2', { ...write, sealed: 'new' })
  await first.close()
  writeFileSync(path, `${readFileSync(path, 'utf8')}\n{"key":"\\"a\\"","revision":"3","en`)
  const second = await FileBackend.open(path)
  expect((await second.read('"a"')).row).toMatchObject({ revision: '2', sealed: 'new' })
  await second.swap('"b"', undefined, '1', { ...write, sealed: 'b' })
  await second.close()
  const third = await FileBackend.open(path)
  expect((await third.read('"b"')).row).toMatchObject({ revision: '1', sealed: 'b' })
  await third.close()
})
