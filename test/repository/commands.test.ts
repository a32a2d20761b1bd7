import { join } from 'node:path'

import { describe, expect, test } from 'vitest'

import { json, logIn, temporaryFolder } from '../../demo/test/setup.ts'
import { findPrograms } from '../../scripts/servers.mjs'
import { presentOrSkip } from '../servers/index.ts'
import { Command, skipUnlessInstalled } from './run-command.ts'

const LIMIT_MS = 120_000
const DEMO = { PORT: '0', PROVIDER_PORT: '0', DATABASE: ':memory:' }

const isClosed = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => false,
    () => true,
  )

function needPgbouncer(context: Parameters<typeof presentOrSkip>[0]): void {
  const { pgbouncer, postgres } = findPrograms()
  presentOrSkip(context, pgbouncer && postgres, 'PostgreSQL and pgbouncer')
}

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('ends the demo and the provider of `npm start`', { timeout: LIMIT_MS }, async (context) => {
    skipUnlessInstalled(context)
    const command = new Command(['start'], DEMO)
    const url = await command.line(/^http:\/\/localhost:\d+\/$/)
    const provider = /http:\S+/.exec(await command.line(/^Provider:/))?.[0] ?? ''
    expect([await isClosed(url), await isClosed(provider)]).toEqual([false, false])
    command.signal(signal)
    await command.leavesNothing()
    expect([await isClosed(url), await isClosed(provider)]).toEqual([true, true])
  })

  test('ends the servers and workers of `npm test`', { timeout: LIMIT_MS }, async (context) => {
    skipUnlessInstalled(context)
    needPgbouncer(context)
    const command = new Command(['test', '--', 'test/stores/topologies-postgres'])
    await command.started(/vitest/, /bin\/postgres /, /pgbouncer\.ini/)
    command.signal(signal)
    await command.leavesNothing()
  })
})

test('SIGTERM ends the two processes that share a grant in the demo', { timeout: LIMIT_MS }, async (context) => {
  skipUnlessInstalled(context)
  const command = new Command(['start'], { ...DEMO, DATABASE: join(temporaryFolder(), 'demo.db') })
  const url = await command.line(/^http:\/\/localhost:\d+\/$/)
  const { browser } = await logIn({ url })
  await json(browser, new URL('/processes/on', url).href, { method: 'POST' })
  await command.started(/pair\/worker\.js/)
  command.signal('SIGTERM')
  await command.leavesNothing()
})

test('SIGTERM ends the servers and workers of `npm run prove`', { timeout: LIMIT_MS }, async (context) => {
  skipUnlessInstalled(context)
  needPgbouncer(context)
  const command = new Command(['run', 'prove', '--', 'storm', '--store', 'PostgreSQL behind pgbouncer'])
  await command.started(/pgbouncer\.ini/, /processes\/worker\.ts/)
  command.signal('SIGTERM')
  await command.leavesNothing()
})

test('SIGTERM ends the server and the tasks of `npm run bench`', { timeout: LIMIT_MS }, async (context) => {
  skipUnlessInstalled(context)
  const command = new Command(['run', 'bench', '--', 'refresh'])
  await command.started(/server\/program\.ts/)
  command.signal('SIGTERM')
  await command.leavesNothing()
})

test('`npm test -- NAME` runs a test without a build, lint or type check', { timeout: LIMIT_MS }, async (context) => {
  skipUnlessInstalled(context)
  const command = new Command(['test', '--', 'test/util/clock'])
  expect(await command.end()).toBe(0)
  expect(command.output).not.toMatch(/Building|Checking|Linting|Bundling/)
  expect(command.output.trimEnd()).toMatch(/\n\d+ passed, 0 failed$/)
  await command.leavesNothing()
})

test('a name that fits no test file is an error that says so', { timeout: LIMIT_MS }, async (context) => {
  skipUnlessInstalled(context)
  const command = new Command(['test', '--', 'test/utility', 'test/util/clock'])
  expect(await command.end()).toBe(1)
  expect(command.output).toContain("No test file has 'test/utility' in its path.")
})

test('a name that fits no test is an error that says so', { timeout: LIMIT_MS }, async (context) => {
  skipUnlessInstalled(context)
  const command = new Command(['test', '--', 'test/util/clock', '-t', 'no such test'])
  expect(await command.end()).toBe(1)
  expect(command.output).toMatch(/No test ran/)
  expect(command.output.trimEnd()).toMatch(/\n0 passed, 1 failed$/)
})
