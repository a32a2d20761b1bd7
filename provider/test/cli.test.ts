import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { NO_SIGNALS, skipOnWindows } from '../../test/system.ts'
import { request } from './setup.ts'

const launcher = fileURLToPath(new URL('../bin/evergrant-provider.js', import.meta.url))

interface Run {
  readonly out: () => string
  readonly err: () => string
  readonly ended: Promise<number | null>
  readonly kill: (signal: 'SIGINT' | 'SIGTERM') => void
}

/** Runs the command; it is killed when the test ends or after ten seconds. */
function run(...args: string[]): Run {
  return runFile(launcher, args)
}

function runFile(file: string, args: readonly string[]): Run {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 10_000 })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { out: () => out, err: () => err, ended, kill: (signal) => child.kill(signal) }
}

test('--json prints one line, the server responds, and SIGTERM ends it', async (context) => {
  skipOnWindows(context, NO_SIGNALS)
  const command = run(
    '--port',
    '0',
    '--rotate',
    '--access-token-lifetime',
    '90s',
    '--json',
    '--client-secret',
    's3cret',
    '--redirect-uri',
    'http://localhost:5000/a',
    '--redirect-uri',
    'http://localhost:5000/b',
  )
  await expect.poll(command.out, { timeout: 10_000 }).toContain('\n')
  const described = JSON.parse(command.out()) as Record<string, string>
  expect(Object.keys(described)).toEqual([
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'revocation_endpoint',
    'introspection_endpoint',
    'userinfo_endpoint',
    'tokeninfo_endpoint',
    'device_authorization_endpoint',
    'client_id',
    'client_secret',
    'redirect_uris',
  ])
  expect(described).toMatchObject({
    client_id: 'evergrant-demo',
    client_secret: 's3cret',
    redirect_uris: ['http://localhost:5000/a', 'http://localhost:5000/b'],
  })
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: 'evergrant-demo',
    client_secret: 's3cret',
  })
  expect((await request(described['token_endpoint']!, { method: 'POST', body })).json['expires_in']).toBe(90)
  command.kill('SIGTERM')
  expect(await command.ended).toBe(0)
  expect(command.out().trimEnd().split('\n')).toHaveLength(1)
})

test('for people it names the endpoints, the client and what it is for, and SIGINT ends it', async (context) => {
  skipOnWindows(context, NO_SIGNALS)
  const command = run('--port', '0', '--rotate', '--reuse', '30s')
  await expect.poll(command.out, { timeout: 10_000 }).toContain('Ctrl+C')
  for (const text of ['development', '/o/oauth2/auth', 'evergrant-demo', 'accepted for 30s', 'alice / wonderland']) {
    expect(command.out().toLowerCase()).toContain(text.toLowerCase())
  }
  command.kill('SIGINT')
  expect(await command.ended).toBe(0)
})

test('--help explains every option', async () => {
  const command = run('--help')
  expect(await command.ended).toBe(0)
  for (const option of [
    '--port',
    '--host',
    '--access-token-lifetime',
    '--refresh-token-lifetime',
    '--rotate',
    '--reuse',
    '--latency',
    '--redirect-uri',
    '--client-id',
    '--client-secret',
    '--json',
    '--help',
  ]) {
    expect(command.out()).toContain(option)
  }
})

test.for([
  [['--nope'], "Unknown option '--nope'"],
  [['here'], "Unexpected argument 'here'"],
  [['--port', 'many'], 'Expected --port'],
  [['--access-token-lifetime', '60'], 'Expected --access-token-lifetime'],
  [['--access-token-lifetime', '0s'], 'Expected --access-token-lifetime'],
  [['--reuse', 'never'], 'Expected --reuse'],
  [['--redirect-uri', 'callback'], 'Expected --redirect-uri'],
] as const)('a wrong call ends with 2 and a reason: %o', async ([args, reason]) => {
  const command = run(...args)
  expect(await command.ended).toBe(2)
  expect(command.err()).toContain(reason)
  expect(command.err()).toContain('--help')
  expect(command.err()).not.toContain('    at ')
  expect(command.out()).toBe('')
})

test('a port that is taken ends it with 1 and one line', async () => {
  const other = createServer()
  onTestFinished(() => new Promise((resolve) => other.close(() => resolve())))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const command = run('--port', String(port))
  expect(await command.ended).toBe(1)
  expect(
    command
      .err()
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('oidc-provider WARNING')),
  ).toEqual([`Port ${port} on 127.0.0.1 is already in use. End what listens there, or choose another port.`])
})

test('a request that is still waiting does not keep it from ending', async (context) => {
  skipOnWindows(context, NO_SIGNALS)
  const command = run('--port', '0', '--latency', '1h', '--json')
  await expect.poll(command.out, { timeout: 10_000 }).toContain('\n')
  const { issuer, token_endpoint } = JSON.parse(command.out()) as Record<string, string>
  const waiting = request(token_endpoint!, { method: 'POST', body: new URLSearchParams() }).catch(() => 'ended')
  await request(`${issuer}/`)
  command.kill('SIGTERM')
  expect(await command.ended).toBe(0)
  expect(await waiting).toBe('ended')
})

test('listening to the network is warned of', async () => {
  const command = run('--port', '0', '--host', '0.0.0.0', '--json')
  await expect.poll(command.out, { timeout: 10_000 }).toContain('\n')
  expect(command.err()).toContain('Warning: listening on 0.0.0.0')
})

test('before anything is built it says how to build', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'provider-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'bin'))
  const file = join(directory, 'bin', 'evergrant-provider.mjs')
  copyFileSync(launcher, file)
  const command = runFile(file, [])
  expect(await command.ended).toBe(1)
  expect(command.err().trimEnd()).toBe(
    'evergrant-provider is not built yet. Run `npm run build` in the repository first.',
  )
})
