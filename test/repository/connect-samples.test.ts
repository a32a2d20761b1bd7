import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

import { browser as providerBrowser, logIn } from '../integration/setup.ts'
import { cookiesOf, send } from '../web/http.ts'
import { root, sourceEntries, textOf } from './pages.ts'
import { samplesOf } from './samples.ts'

const GUIDE = 'docs/guides/connect.md'
const FRAMEWORKS = 'docs/recipes/frameworks.md'

const programOf = (page: string): string => samplesOf(page).find(({ language }) => language === 'js')!.text

/** Writes the program as a module that imports the library's sources. */
function moduleOf(program: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-connect-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const entries = sourceEntries()
  const text = program.replace(/\bfrom '([^']+)'/g, (whole, name: string) =>
    entries[name] === undefined ? whole : `from '${pathToFileURL(entries[name]).href}'`,
  )
  writeFileSync(join(folder, 'connect.mjs'), text)
  return join(folder, 'connect.mjs')
}

/** A port that is free now. The program needs it for its redirect URI before it listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Starts the program and returns its first line. */
async function start(file: string, port: number): Promise<string> {
  const child = spawn(process.execPath, [file], { env: { ...process.env, PORT: String(port) }, stdio: 'pipe' })
  onTestFinished(() => void child.kill())
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const line = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  if (child.exitCode !== null) throw new Error(errors)
  return String(line[0]).trim()
}

test('the program of the guide leads through the login to its page', async () => {
  const port = await freePort()
  const line = await start(moduleOf(programOf(GUIDE)), port)
  expect(line).toBe(`Open http://localhost:${port}/profile`)
  const app = `http://localhost:${port}`
  const page = await send(`${app}/profile`)
  const begun = await send(app + page.headers.location!)
  const atProvider = providerBrowser(`${app}/connect/acme/callback`)
  const callback = await logIn(begun.headers.location!, { browser: atProvider })
  const done = await send(callback, { cookie: cookiesOf(begun) })
  expect([done.status, done.headers.location]).toEqual([303, '/profile'])
  expect((await send(`${app}/profile`)).text).toBe('alice@example.com')
}, 60_000)

/** The lines of a block that a user writes, without imports, comments and the framework's own `app`. */
const linesOf = (block: string): string[] =>
  block.split('\n').filter((line) => line.trim() !== '' && !/^(?:import |\s*\/\/|const app = \w* ?\w+\(\)$)/.test(line))

test('the table of lines counts those of the blocks, and none has more than ten', () => {
  const [, ...sections] = textOf(FRAMEWORKS).split(/^## /m)
  const counted = sections.flatMap((section): [string, number][] => {
    const [heading = ''] = section.split('\n', 1)
    const [, block] = /```ts\n([\s\S]*?)```/.exec(section) ?? []
    return block === undefined || !block.includes('connectHandler') ? [] : [[heading, linesOf(block).length]]
  })
  const table = sections.at(-1)!
  const written = [...table.matchAll(/\| ([^|]+) \| (\d+) (?=\|)/g)].map(([, name, count]) => [name!, Number(count)])
  expect(counted).toHaveLength(10)
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(counted))
  expect(Math.max(...counted.map(([, count]) => count))).toBeLessThanOrEqual(10)
})
