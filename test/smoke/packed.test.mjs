// Runs on the machine's own Node (20.19 or newer), outside the repository's node_modules, against the packed library.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const folder = mkdtempSync(join(tmpdir(), 'evergrant-packed-'))
const load = (specifier) => import(pathToFileURL(createRequire(join(folder, 'index.js')).resolve(specifier)).href)

before(() => {
  const packed = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder],
    { cwd: root, encoding: 'utf8' },
  )
  const list = JSON.parse(packed)
  const [{ filename }] = Array.isArray(list) ? list : Object.values(list)
  const target = join(folder, 'node_modules', 'evergrant')
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1'])
  for (const dependency of ['oauth4webapi', 'jose']) {
    cpSync(join(root, 'node_modules', dependency), join(folder, 'node_modules', dependency), { recursive: true })
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})

after(() => rmSync(folder, { recursive: true, force: true }))

test('every subpath of the package resolves from the tarball and loads', async () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const subpath of Object.keys(exports)) {
    if (subpath === './package.json') continue
    const loaded = await load(`evergrant${subpath.slice(1)}`)
    assert.ok(Object.keys(loaded).length > 0, subpath)
    const types = exports[subpath].replace('./', '').replace(/\.js$/, '.d.ts')
    assert.ok(readFileSync(join(folder, 'node_modules/evergrant', types), 'utf8').length > 0, types)
  }
})

test('the tarball holds no tests and no sources of the workspaces', () => {
  const names = execFileSync(
    'tar',
    [
      '-tzf',
      join(
        folder,
        execFileSync('ls', [folder], { encoding: 'utf8' })
          .split('\n')
          .find((name) => name.endsWith('.tgz')),
      ),
    ],
    { encoding: 'utf8' },
  )
  assert.doesNotMatch(names, /\/(test|demo|provider|bench)\//)
})

test('a session of the packed library refreshes a spent token once for a hundred callers', async () => {
  const { OAuth2Client, OAuth2Session } = await load('evergrant')
  let requests = 0
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      requests += 1
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          access_token: `fresh-${requests}`,
          token_type: 'Bearer',
          expires_in: 3600,
          refresh_token: `next-${requests}`,
        }),
      )
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const client = new OAuth2Client({
      provider: { name: 'local', server: { token_endpoint: `http://127.0.0.1:${server.address().port}/token` } },
      clientId: 'id',
      clientSecret: 'secret-value',
      allowInsecureRequests: true,
    })
    const session = new OAuth2Session(client, {
      token: { access_token: 'old', token_type: 'Bearer', refresh_token: 'first', expires_at: 1 },
    })
    const tokens = await Promise.all(Array.from({ length: 100 }, () => session.accessToken()))
    assert.deepEqual(new Set(tokens), new Set(['fresh-1']))
    assert.equal(requests, 1)
    await session.close()
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a key ring seals and opens', async () => {
  const { generateKey, keyRing } = await load('evergrant/seal')
  const ring = keyRing(`a:${generateKey()}`)
  const sealed = await ring.seal('text', 'context')
  assert.equal(await ring.open(sealed, 'context'), 'text')
  await assert.rejects(ring.open(sealed, 'other'))
})

test('the SQLite store works, or says plainly which Node it needs', async () => {
  const { sqliteStore } = await load('evergrant/sqlite')
  const [major, minor] = process.versions.node.split('.').map(Number)
  const key = { client: 'c', subject: 's', account: '' }
  const open = async () => {
    const store = sqliteStore(join(folder, 'grants.db'))
    const answer = await store.read(key)
    await store.close()
    return answer
  }
  if (major > 22 || (major === 22 && minor >= 13)) assert.equal((await open()).record, undefined)
  else await assert.rejects(open, /22\.13/)
})
