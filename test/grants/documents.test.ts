import { expect, test } from 'vitest'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { storeOver } from '../../src/stores/index.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { world } from '../refresh/setup.ts'
import { MapBackend } from '../stores/map-backend.ts'

const [a, b] = [`a:${generateKey()}`, `b:${generateKey()}`]

function documentWorld() {
  const clock = fakeClock()
  const backend = new MapBackend(clock.now)
  const { process } = world({ clock, store: storeOver(backend, { clock }) })
  const stored = (name: string) => backend.rows.get(JSON.stringify(name))!
  return { backend, clock, stored, open: (keys: string) => process({ keys: keyRing(keys) }) }
}

test('a document is sealed with the keys of the grants, and reads back', async () => {
  const { open, stored } = documentWorld()
  const { documents } = open(a)
  const answer = await documents.put('registration', 'client secret', { version: 0 })
  expect(answer).toEqual({ put: true, document: { value: 'client secret', version: 1 } })
  expect(await open(a).documents.get('registration')).toEqual(answer.document)
  expect(JSON.stringify(stored('registration'))).not.toContain('secret')
  await expect(open(b).documents.get('registration')).rejects.toMatchObject({ code: 'seal_error' })
})

test('a sealed value that is moved to another name cannot be unsealed', async () => {
  const { backend, open, stored } = documentWorld()
  const { documents } = open(a)
  await documents.put('one', 'secret', { version: 0 })
  await documents.put('two', 'other', { version: 0 })
  backend.rows.set('"two"', { ...stored('two'), sealed: stored('one').sealed })
  await expect(documents.get('two')).rejects.toMatchObject({ code: 'seal_error' })
})

test('a public value may be stored clear, and is never taken for a sealed one or the reverse', async () => {
  const { open, stored } = documentWorld()
  const { documents } = open(a)
  await documents.put('facts', '{"issuer":"i"}', { version: 0, clear: true })
  await documents.put('secret', 'value', { version: 0 })
  expect(stored('facts').sealed).toContain('issuer')
  expect(await documents.get('facts', { clear: true })).toEqual({ value: '{"issuer":"i"}', version: 1 })
  await expect(documents.get('facts')).rejects.toMatchObject({ code: 'seal_error' })
  await expect(documents.get('secret', { clear: true })).rejects.toMatchObject({ code: 'seal_error' })
})

test('the first writer wins, and the others get its document', async () => {
  const { open } = documentWorld()
  const puts = await Promise.all(
    ['x', 'y', 'z'].map((value) => open(a).documents.put('lock', value, { version: 0, ttlMs: 60_000 })),
  )
  const winner = puts.find(({ put }) => put)!
  expect(puts.filter(({ put }) => put)).toHaveLength(1)
  for (const { document } of puts) expect(document).toEqual(winner.document)
})

test('reseal covers documents: values of another key are resealed, expiry times and clear values stay', async () => {
  const { clock, open } = documentWorld()
  const before = open(a).documents
  const { document } = await before.put('ends', 'soon', { version: 0, ttlMs: 60_000 })
  await before.put('stays', 'secret', { version: 0 })
  await before.put('public', 'facts', { version: 0, clear: true })
  expect(await open(`${b},${a}`).reseal()).toEqual({ resealed: 2 })
  expect(await open(`${b},${a}`).reseal()).toEqual({ resealed: 0 })
  const after = open(b).documents
  expect(await after.get('stays')).toEqual({ value: 'secret', version: 2 })
  expect(await after.get('ends')).toEqual({ value: 'soon', version: 2, expiresAt: document?.expiresAt })
  expect(await after.get('public', { clear: true })).toEqual({ value: 'facts', version: 1 })
  await clock.advance(60_000)
  expect(await after.get('ends')).toBeUndefined()
})

test('documents are listed by the beginning of their names', async () => {
  const { open } = documentWorld()
  const { documents } = open(a)
  for (const name of ['mcp/a', 'mcp/b', 'other']) await documents.put(name, name.toUpperCase(), { version: 0 })
  await documents.put('mcp/public', 'facts', { version: 0, clear: true })
  const found: string[] = []
  for await (const { name, value } of documents.list('mcp/')) found.push(`${name} ${value}`)
  expect(found.sort()).toEqual(['mcp/a MCP/A', 'mcp/b MCP/B'])
  expect(await documents.delete('mcp/a', { version: 1 })).toBe(true)
  expect(await documents.get('mcp/a')).toBeUndefined()
})

test('no error contains the name or the value of a document', async () => {
  const { open } = documentWorld()
  const { documents } = open(a)
  const failures = await Promise.all([
    documents.put('once:my-name', 'my-value', { version: 0 }).catch((error: unknown) => error),
    documents.put('my-name', 'my-value'.repeat(10_000), { version: 0 }).catch((error: unknown) => error),
    documents.put(`my-name${'x'.repeat(700)}`, 'my-value', { version: 0 }).catch((error: unknown) => error),
  ])
  for (const error of failures) {
    expect(error).toMatchObject({ code: 'config_error' })
    expect(String(error)).not.toMatch(/my-name|my-value/)
  }
})

test('a document that is stored without options is refused with what is missing', async () => {
  const { open } = documentWorld()
  await expect(open(a).documents.put('name', 'value', undefined as never)).rejects.toThrow(
    'Expected version to be that of the document to replace, or 0, got undefined.',
  )
})
