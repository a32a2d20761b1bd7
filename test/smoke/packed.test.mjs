// Runs on the machine's own Node (20.19 or newer), outside the repository's node_modules, against the packed packages.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'

import { filesIn, packAndInstall } from './pack.mjs'

let folder = ''
const load = (specifier) => import(pathToFileURL(createRequire(join(folder, 'index.js')).resolve(specifier)).href)
const installed = (name) => join(folder, 'node_modules', name)
const manifestOf = (name) => JSON.parse(readFileSync(join(installed(name), 'package.json'), 'utf8'))

before(() => {
  folder = packAndInstall()
})

after(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true })
})

test('every subpath of the package resolves from the tarball and loads', async () => {
  const { exports } = manifestOf('evergrant')
  for (const subpath of Object.keys(exports)) {
    if (subpath === './package.json') continue
    const loaded = await load(`evergrant${subpath.slice(1)}`)
    assert.ok(Object.keys(loaded).length > 0, subpath)
    const types = exports[subpath].replace('./', '').replace(/\.js$/, '.d.ts')
    assert.ok(readFileSync(join(installed('evergrant'), types), 'utf8').length > 0, types)
  }
})

test('the tarball holds no tests, no scripts and no code of the workspaces', () => {
  const foreign = filesIn(installed('evergrant')).filter((path) =>
    /^(test|demo|provider|bench|scripts|src)\//.test(path),
  )
  assert.deepEqual(
    foreign.filter((path) => !path.endsWith('.md')),
    [],
  )
})

for (const name of ['evergrant', '@evergrant/provider']) {
  test(`${name} has its license, and says where its repository, its pages and its issues are`, () => {
    const { bugs, homepage, license, repository } = manifestOf(name)
    assert.equal(license, 'MIT')
    assert.match(readFileSync(join(installed(name), 'LICENSE'), 'utf8'), /^MIT License/)
    for (const place of [bugs, homepage, repository.url]) assert.match(place, /github\.com\/evergrant\/evergrant/)
  })
}

test('every link between the pages in the tarball leads to a page in the tarball', () => {
  const root = installed('evergrant')
  const pages = filesIn(root).filter((path) => path.endsWith('.md'))
  assert.ok(pages.includes('README.md') && pages.some((path) => path.startsWith('docs/')))
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+\.md)(?:#[^)]*)?\)/g)]
      .map(([, link]) => link)
      .filter((link) => !existsSync(join(root, dirname(page), link)))
      .map((link) => `${page} -> ${link}`),
  )
  assert.deepEqual(broken, [])
})

test('the command of the packed provider starts an authorization server', async () => {
  const file = join(installed('@evergrant/provider'), manifestOf('@evergrant/provider').bin['evergrant-provider'])
  const child = spawn(process.execPath, [file, '--port', '0', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const { issuer } = JSON.parse(line)
    const response = await fetch(`${issuer}/.well-known/openid-configuration`)
    assert.equal((await response.json()).issuer, issuer)
  } finally {
    child.kill()
    await once(child, 'exit')
  }
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
