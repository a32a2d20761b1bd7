import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { LIBRARIES, load, type LibraryName } from '../src/libraries/index.ts'
import { openKeep, type Keeping } from '../src/libraries/keep.ts'
import { closing, folder, server, sqlite } from './setup.ts'

async function keepingOf(library: LibraryName): Promise<Keeping> {
  if (library === 'locked-by-hand') return { kind: 'file', path: join(await folder(), 'token.json') }
  return library === 'evergrant-grants' ? sqlite() : { kind: 'memory' }
}

const names = (Object.keys(LIBRARIES) as LibraryName[]).filter((name) => name !== 'requests-oauthlib')
const holding: LibraryName[] = []
for (const name of names) if ((await load(name)).open !== undefined) holding.push(name)

test.each(holding)('%s gets one caller a new token with one request, and the next ones with none', async (name) => {
  const started = await server()
  const { open } = await load(name)
  const seed = await started.logIn('expired')
  const holder = await open!(started.place, await keepingOf(name), seed)
  if (holder.close !== undefined) closing({ close: () => holder.close!() })
  const token = await holder.token()
  expect(token).toMatch(/^access\./)
  expect(token).not.toBe(seed.accessToken)
  expect(await holder.token()).toBe(token)
  expect(await holder.get(started.place.resource)).toBe(200)
  expect(await started.stats()).toMatchObject({ tokenRequests: 1, redemptions: 1, unauthorized: 0 })
})

const token = { accessToken: 'a', refreshToken: 'r', receivedAt: 1, expiresAt: 2 }

test('a kept file is replaced as a whole, and what another opens is what was kept last', async () => {
  const path = join(await folder(), 'token.json')
  const keep = await openKeep({ kind: 'file', path }, token)
  await Promise.all([1, 2, 3].map((expiresAt) => keep.save({ ...token, expiresAt })))
  await keep.save({ ...token, expiresAt: 4 })
  const other = await openKeep({ kind: 'file', path }, undefined)
  expect(await other.load()).toEqual({ ...token, expiresAt: 4 })
  expect(await readdir(join(path, '..'))).toEqual(['token.json'])
})

test('a keep rejects while its saving fails, and works again afterwards', async () => {
  const keep = await openKeep({ kind: 'memory' }, token)
  keep.setSaving(false)
  await expect(keep.save({ ...token, accessToken: 'b' })).rejects.toThrow('No space left')
  expect(await keep.load()).toEqual(token)
  keep.setSaving(true)
  await keep.save({ ...token, accessToken: 'b' })
  expect((await keep.load()).accessToken).toBe('b')
})

test.each(['evergrant-seal', 'jose', 'node-crypto'] as const)(
  '%s opens what it sealed, and nothing that was changed',
  async (name) => {
    const vault = await (await load(name)).vault!()
    const sealed = await vault.seal('a text é', 1)
    expect(await vault.open(sealed, 1)).toBe('a text é')
    const parts = sealed.split('.')
    const body = parts.length - 2
    parts[body] = `${parts[body]?.startsWith('A') ? 'B' : 'A'}${parts[body]?.slice(1)}`
    await expect(vault.open(parts.join('.'), 1)).rejects.toThrow()
  },
)
