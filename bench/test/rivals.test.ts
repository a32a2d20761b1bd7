import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { generateKey } from 'evergrant/seal'

import { RIVALS, type RivalName } from '../src/rivals/index.ts'
import { openKeep, type Keeping } from '../src/rivals/keeping.ts'
import { startServer, type BenchServer } from '../src/server/start-server.ts'
import { logIn, placeOf } from '../src/tables/log-in.ts'

async function server(): Promise<BenchServer> {
  const started = await startServer()
  onTestFinished(() => started.close())
  return started
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'evergrant-bench-test-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

async function keepingOf(rival: RivalName): Promise<Keeping> {
  if (rival === 'locked-by-hand') return { kind: 'file', path: join(await folder(), 'token.json') }
  if (rival !== 'evergrant-grants') return { kind: 'memory' }
  return {
    kind: 'store',
    store: 'SQLite',
    at: join(await folder(), 'grants.db'),
    space: '',
    keys: `k1:${generateKey()}`,
  }
}

const inNode = (Object.keys(RIVALS) as RivalName[]).filter((rival) => RIVALS[rival].load !== undefined)

test.each(inNode)('%s gets one caller a new token with one request, and the next ones with none', async (rival) => {
  const started = await server()
  const open = await RIVALS[rival].load!()
  const seed = await logIn(started, 'spent')
  const holder = await open(placeOf(started), await keepingOf(rival), seed)
  onTestFinished(() => holder.close?.())
  const token = await holder.token()
  expect(token).toMatch(/^access\./)
  expect(token).not.toBe(seed.accessToken)
  expect(await holder.token()).toBe(token)
  expect(await holder.get(started.resource)).toBe(200)
  expect(await started.stats()).toMatchObject({ tokenRequests: 1, redemptions: 1, unauthorized: 0 })
})

test('a kept file is replaced as a whole, and what another opens is what was kept last', async () => {
  const path = join(await folder(), 'token.json')
  const token = { accessToken: 'a', refreshToken: 'r', receivedAt: 1, expiresAt: 2 }
  const keep = await openKeep({ kind: 'file', path }, token)
  await Promise.all([1, 2, 3].map((expiresAt) => keep.save({ ...token, expiresAt })))
  await keep.save({ ...token, expiresAt: 4 })
  const other = await openKeep({ kind: 'file', path }, undefined)
  expect(await other.load()).toEqual({ ...token, expiresAt: 4 })
  expect(await readdir(join(path, '..'))).toEqual(['token.json'])
})

test('a keep that was told to fail rejects, and works again when it is told so', async () => {
  const token = { accessToken: 'a', refreshToken: 'r', receivedAt: 1, expiresAt: 2 }
  const keep = await openKeep({ kind: 'memory' }, token)
  keep.setSaving(false)
  await expect(keep.save({ ...token, accessToken: 'b' })).rejects.toThrow('No space left')
  expect(await keep.load()).toEqual(token)
  keep.setSaving(true)
  await keep.save({ ...token, accessToken: 'b' })
  expect((await keep.load()).accessToken).toBe('b')
})
