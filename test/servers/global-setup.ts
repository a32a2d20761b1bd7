import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'

import { Client } from 'pg'
import type { TestProject } from 'vitest/node'

import type { OwnServer } from './own-server.ts'
import { connectMysql, startMariadb } from './start-mariadb.ts'
import { connect, startPostgres } from './start-postgres.ts'
import { ping, startRedis } from './start-redis.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test file asks for a server. */
    servers: string
  }
}

type Found = { readonly url: string; readonly end?: () => Promise<void> } | undefined

/** What was given by the environment, else what listens where such a server does by default, else one of our own. */
async function findPostgres(): Promise<Found> {
  const given = process.env['DATABASE_URL']
  if (given) return connect(given).then(() => ({ url: given }))
  const running = await ownDatabase('postgres://postgres@127.0.0.1:5432/postgres').catch(() => undefined)
  return running ?? owned(await startPostgres())
}

/** A database apart from whatever else a server has. It is dropped at the end, also when this process is killed. */
async function ownDatabase(url: string): Promise<Found> {
  await connect(url)
  const name = `evergrant_test_${randomBytes(6).toString('hex')}`
  const dropper = spawn(process.execPath, [join(import.meta.dirname, 'drop-database.ts'), url, name], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const dropped = once(dropper, 'exit')
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  return {
    url: url.replace(/postgres$/, name),
    end: async () => {
      dropper.stdin.end()
      await dropped
    },
  }
}

async function findRedis(): Promise<Found> {
  const given = process.env['REDIS_URL']
  if (given) return ping(given).then(() => ({ url: given }))
  const usual = 'redis://127.0.0.1:6379'
  const running = await ping(usual).then(
    () => ({ url: usual }),
    () => undefined,
  )
  return running ?? owned(await startRedis())
}

async function findMariadb(): Promise<Found> {
  const given = process.env['MYSQL_URL']
  if (given) return connectMysql(given).then(() => ({ url: given }))
  // The disk is not waited for: no test of the shared server ends the machine.
  return owned(await startMariadb({ 'innodb-flush-log-at-trx-commit': '2' }))
}

function owned(server: OwnServer | undefined): Found {
  return server && { url: server.url, end: () => server.stop() }
}

/** One server of each kind for the whole run, got when the first test file asks for it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const finders: Readonly<Record<string, () => Promise<Found>>> = {
    '/postgres': findPostgres,
    '/redis': findRedis,
    '/mariadb': findMariadb,
  }
  const asked = new Map<string, Promise<Found>>()
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const found = asked.get(path) ?? finders[path]?.() ?? Promise.resolve(undefined)
    asked.set(path, found)
    found.then(
      (answer) => response.end(JSON.stringify({ url: answer?.url })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  project.provide('servers', `http://127.0.0.1:${(server.address() as { port: number }).port}`)
  return async () => {
    server.closeAllConnections()
    server.close()
    await Promise.all([...asked.values()].map(async (found) => (await found.catch(() => undefined))?.end?.()))
  }
}
