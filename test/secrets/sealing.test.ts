import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { SealError } from '../../src/model/errors.ts'
import { generateKey, keyRing, type KeyRing } from '../../src/seal/index.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import { grantsOf, HOUR, POLICY } from '../integration/setup.ts'
import { bytesOf, mint, stage, type Stage } from './setup.ts'

/** Another process over the same file, with other keys. */
async function another(onStage: Stage, keys: KeyRing) {
  const { client, clock, file, logger } = onStage
  const grants = grantsOf(client, { store: sqliteStore(file, { clock }), keys, clock, logger, policy: POLICY })
  return { grants, [Symbol.asyncDispose]: () => grants.close() }
}

/** The rows of the grants in the file. */
function rowsOf(file: string): Record<string, unknown>[] {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return database.prepare('SELECT * FROM evergrant_records ORDER BY key').all()
  } finally {
    database.close()
  }
}

/** Changes the file without the library. */
function tamper(file: string, sql: string, ...parameters: (string | number)[]): void {
  const database = new DatabaseSync(file)
  try {
    database.prepare(sql).run(...parameters)
  } finally {
    database.close()
  }
}

test.for<[string, () => KeyRing]>([
  ['another key under the same id', () => keyRing(`k1:${generateKey()}`)],
  ['a key ring without that key', () => keyRing(`k2:${generateKey()},k0:${generateKey()}`)],
])(
  'with %s every use rejects with a SealError that names the key, and nothing is deleted, changed or sent',
  async ([, keys]) => {
    const onStage = await stage()
    const { file, provider, run, out } = onStage
    await mint(onStage, 'alice')
    const before = rowsOf(file)
    await using wrong = await another(onStage, keys())
    const session = wrong.grants.session('acme', 'alice')
    for (const use of [
      () => session.token(),
      () => session.token({ rejected: 'whatever' }),
      () => session.accessToken({ minValidityMs: 2 * HOUR }),
      () => session.refresh(),
      () => session.fetch(provider.metadata.userinfo_endpoint),
      () => wrong.grants.session('acme', 'alice').token(),
    ]) {
      const error = await run('wrong key', use)
      expect(error).toBeInstanceOf(SealError)
      expect(error).toMatchObject({ code: 'seal_error', keyId: 'k1', retryable: false })
      expect((error as SealError).message).toContain("'k1'")
    }
    // Operations without a token work.
    expect(await wrong.grants.status('acme', 'alice')).toMatchObject({ state: 'active', renewable: true })
    expect(await wrong.grants.recheck()).toBe(0)
    out('grants', wrong.grants)
    expect(rowsOf(file)).toEqual(before)
    expect(provider.stats()).toMatchObject({ tokenRequests: { total: 0 }, userInfoRequests: 0, revokeRequests: 0 })
    expect(onStage.leaks()).toEqual([])
    expect(await onStage.grants.session('acme', 'alice').refresh()).toMatchObject({ tokenType: 'bearer' })
  },
)

test('with the old key after a new one, every grant is unsealed, and writes are sealed with the new one', async () => {
  const onStage = await stage()
  const [oldKey] = onStage.planted.values('sealing key')
  await mint(onStage, 'alice')
  const newKey = generateKey()
  onStage.planted.add('sealing key, newer', newKey)
  {
    await using rotated = await another(onStage, keyRing(`k2:${newKey},k1:${oldKey!}`))
    await rotated.grants.session('acme', 'alice').refresh()
  }
  await using later = await another(onStage, keyRing(`k2:${newKey}`))
  expect(await later.grants.session('acme', 'alice').accessToken()).toBeTypeOf('string')
  expect(onStage.leaks()).toEqual([])
  expect(onStage.planted.leaksIn(bytesOf(onStage.file))).toEqual([])
})

test('a sealed token that was moved to another grant’s record is not unsealed there', async () => {
  const onStage = await stage()
  const { file, provider, run, keys } = onStage
  await mint(onStage, 'alice')
  await mint(onStage, 'mallory')
  const [alice, mallory] = rowsOf(file) as [Record<string, string>, Record<string, string>]
  const put = 'UPDATE evergrant_records SET sealed = ? WHERE key = ?'
  tamper(file, put, alice['sealed']!, mallory['key']!)
  await using fresh = await another(onStage, keys)
  const stolen = fresh.grants.session('acme', 'mallory')
  for (const use of [
    () => stolen.token(),
    () => stolen.refresh(),
    () => stolen.fetch(provider.metadata.userinfo_endpoint),
  ]) {
    expect(await run('moved', use)).toMatchObject({ name: 'SealError', keyId: 'k1' })
  }
  expect(provider.stats().tokenRequests.total).toBe(0)
  expect(await fresh.grants.session('acme', 'alice').accessToken()).toBeTypeOf('string')
  // It is not mallory's even with alice's login id next to it.
  tamper(file, 'UPDATE evergrant_records SET entry = ? WHERE key = ?', alice['entry']!, mallory['key']!)
  expect(await run('moved with its id', () => stolen.token())).toBeInstanceOf(SealError)
  expect(onStage.leaks()).toEqual([])
  // Nothing is lost once it is moved back.
  tamper(
    file,
    'UPDATE evergrant_records SET entry = ?, sealed = ? WHERE key = ?',
    mallory['entry']!,
    mallory['sealed']!,
    mallory['key']!,
  )
  await using restored = await another(onStage, keys)
  expect(await restored.grants.session('acme', 'mallory').accessToken()).toBeTypeOf('string')
})

test('a sealed token of an earlier login is not unsealed in the record of a later one', async () => {
  const onStage = await stage()
  const { file, keys, run } = onStage
  await mint(onStage, 'alice')
  const [earlier] = rowsOf(file) as [Record<string, string>]
  await mint(onStage, 'alice')
  tamper(file, 'UPDATE evergrant_records SET sealed = ?', earlier['sealed']!)
  await using fresh = await another(onStage, keys)
  expect(await run('replayed', () => fresh.grants.session('acme', 'alice').token())).toBeInstanceOf(SealError)
})

test.for<[string, (sealed: string) => string]>([
  ['has a changed letter', (sealed) => sealed.slice(0, -10) + (sealed.at(-10) === 'A' ? 'B' : 'A') + sealed.slice(-9)],
  ['is cut off', (sealed) => sealed.slice(0, -20)],
  ['is empty', () => ''],
  ['is no sealed token', () => '{"v":1,"token":{"accessToken":"x","receivedAt":0}}'],
  ['names another algorithm', (sealed) => withHeader(sealed, { alg: 'none' })],
  ['names another key', (sealed) => withHeader(sealed, { kid: 'k9' })],
  ['has compression', (sealed) => withHeader(sealed, { zip: 'DEF' })],
])('a record whose sealed token %s causes a SealError and is not changed', async ([, change]) => {
  const onStage = await stage()
  const { file, keys, run, provider } = onStage
  await mint(onStage, 'alice')
  const [row] = rowsOf(file) as [Record<string, string>]
  tamper(file, 'UPDATE evergrant_records SET sealed = ?', change(row['sealed']!))
  const before = rowsOf(file)
  await using fresh = await another(onStage, keys)
  const session = fresh.grants.session('acme', 'alice')
  for (const use of [() => session.token(), () => session.refresh()])
    expect(await run('tampered', use)).toBeInstanceOf(SealError)
  expect(rowsOf(file)).toEqual(before)
  expect(provider.stats().tokenRequests.total).toBe(0)
  expect(onStage.leaks()).toEqual([])
})

function withHeader(sealed: string, members: Readonly<Record<string, string>>): string {
  const [header = '', ...rest] = sealed.split('.')
  const changed = { ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object), ...members }
  return [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.')
}
