import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'

import { findPrograms } from '../../scripts/servers.mjs'
import { folderFor, freePort, Program, until, userOtherThanRoot } from './program.ts'

/** A PostgreSQL server of the tests' own, on loopback, in a temporary folder. */
export interface PostgresServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Ends it as a crash would, or in order; its data stay. */
  halt(signal?: 'SIGKILL' | 'SIGINT'): Promise<void>
  /** Starts it again on the same port and data. */
  resume(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** Starts the installed PostgreSQL, durable as it is by default; undefined when none is installed. */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer | undefined> {
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
  const port = await freePort()
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    shared_buffers: '64MB',
    ...settings,
  }
  const args = [
    '-D',
    data,
    '-p',
    `${port}`,
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const start = async (): Promise<Program> => {
    const program = await Program.start(postgres, args, { user, folder })
    await until('A connection to PostgreSQL', () => connect(url), { program })
    return program
  }
  let program = await start()
  return {
    url,
    port,
    get pid() {
      return program.pid
    },
    halt: (signal = 'SIGINT') => program.stop(signal),
    resume: async () => {
      program = await start()
    },
    stop: async () => {
      // Immediately: nobody needs these data again.
      await program.stop('SIGQUIT')
      await folder.remove()
    },
  }
}

/** Fails when no connection can be had. */
export async function connect(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  try {
    await client.connect()
    await client.query('SELECT 1')
  } finally {
    await client.end().catch(() => undefined)
  }
}
