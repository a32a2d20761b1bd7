import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { NO_SIGNALS, skipOnWindows } from '../../test/system.ts'
import { readSettings } from '../src/settings.ts'
import { runMain } from './run-main.ts'
import { logIn } from './setup.ts'

test('prints the address to open last, works there, and ends when it is asked to', async (context) => {
  skipOnWindows(context, NO_SIGNALS)
  const run = runMain({ PORT: '0', PROVIDER_PORT: '0' })
  const url = await run.line(/^http:\/\/localhost:\d+\/$/)
  const { page } = await logIn({ url })
  expect(page.text).toContain('Alice Liddell')
  expect(run.lines.at(-1)).toBe(url)
  run.stop()
  expect(await run.ended).toBe(0)
  expect(run.errors).toEqual([])
})

test.each(['PORT', 'PROVIDER_PORT'])('says in one line that %s is taken', async (variable) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const run = runMain({ PORT: '0', PROVIDER_PORT: '0', [variable]: String(port) })
  expect(await run.ended).toBe(1)
  expect(run.errors).toHaveLength(1)
  expect(run.errors[0]).toContain(`Port ${port} is taken`)
  expect(run.errors[0]).toContain(`${variable}=`)
})

test('says in one line that the provider can’t be had', async () => {
  const run = runMain({ PORT: '0', ISSUER: 'http://127.0.0.1:1', CLIENT_ID: 'x' })
  expect(await run.ended).toBe(1)
  expect(run.errors).toHaveLength(1)
  expect(run.errors[0]).toContain('Is ISSUER right')
})

test.each([
  [{ PORT: 'x' }, 'Expected PORT'],
  [{ PROVIDER_PORT: '70000' }, 'Expected PROVIDER_PORT'],
  [{ GOOGLE_CLIENT_ID: 'x' }, 'GOOGLE_CLIENT_SECRET'],
  [{ ISSUER: 'https://as.example' }, 'CLIENT_ID'],
  [{ ISSUER: 'nonsense', CLIENT_ID: 'x' }, 'ISSUER'],
])('refuses settings that can’t be meant: %j', (env, message) => {
  expect(() => readSettings(env)).toThrow(message)
})

test('chooses the provider by what is set', () => {
  expect(readSettings({}).upstream).toEqual({ kind: 'embedded' })
  expect(readSettings({ GOOGLE_CLIENT_ID: 'a', GOOGLE_CLIENT_SECRET: 'b' }).upstream).toEqual({
    kind: 'google',
    clientId: 'a',
    clientSecret: 'b',
  })
  expect(readSettings({ ISSUER: 'https://as.example', CLIENT_ID: 'a' }).upstream).toMatchObject({
    kind: 'issuer',
    clientId: 'a',
  })
})
