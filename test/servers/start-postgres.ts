import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { findPrograms } from '../../scripts/servers.mjs'
import { type OwnServer, runServer } from './own-server.ts'
import { folderFor, userOtherThanRoot } from './program.ts'

/** Starts the installed PostgreSQL, durable as it is by default; undefined when none is installed. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer | undefined> {
  const { postgres, initdb } = findPrograms()
  if (postgres === undefined || initdb === undefined) return undefined
  const user = await userOtherThanRoot()
  const folder = await folderFor(user)
  const data = join(folder.path, 'data')
  const create = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ]
  await promisify(execFile)(initdb, create, { cwd: folder.path, ...user })
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    shared_buffers: '64MB',
    ...settings,
  }
  const set = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return runServer({
    name: 'PostgreSQL',
    command: postgres,
    folder,
    user,
    args: (port) => ['-D', data, '-p', `${port}`, ...set],
    urlAt: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    connect,
    orderly: 'SIGINT',
    immediate: 'SIGQUIT',
  })
}

/** Fails when no connection can be made. */
export async function connect(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  try {
    await client.connect()
    await client.query('SELECT 1')
  } finally {
    await client.end().catch(() => undefined)
  }
}
