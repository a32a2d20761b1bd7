import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { createConnection } from 'mysql2/promise'

import { findPrograms } from '../../scripts/servers.mjs'
import { folderFor, freePort, Program, until, userOtherThanRoot } from './program.ts'

/** A MariaDB server of the tests' own, on loopback, in a temporary folder. */
export interface MariadbServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Ends it as a crash would, or in order; its data stay. */
  halt(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Starts it again on the same port and data. */
  resume(): Promise<void>
  /** Ends it and removes its data. */
  stop(): Promise<void>
}

/** Starts the installed MariaDB, durable as it is by default; undefined when none is installed. */
export async function startMariadb(
  settings: Readonly<Record<string, string>> = {},
): Promise<MariadbServer | undefined> {
  const { mariadb, mariadbInstall } = findPrograms()
  if (mariadb === undefined || mariadbInstall === undefined) return undefined
  const user = await userOtherThanRoot()
  const folder = await folderFor(user)
  const data = join(folder.path, 'data')
  // The user 'root' needs no password; the server listens on loopback only.
  const create = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal']
  await promisify(execFile)(mariadbInstall, create, { cwd: folder.path, ...user })
  const port = await freePort()
  const url = `mysql://root@127.0.0.1:${port}/test`
  const all = {
    datadir: data,
    socket: join(folder.path, 'mariadb.sock'),
    'pid-file': join(folder.path, 'mariadb.pid'),
    port: `${port}`,
    'bind-address': '127.0.0.1',
    'max-connections': '300',
    'innodb-buffer-pool-size': '64M',
    ...settings,
  }
  const args = ['--no-defaults', ...Object.entries(all).map(([name, value]) => `--${name}=${value}`)]
  const start = async (): Promise<Program> => {
    const program = await Program.start(mariadb, args, { user, folder })
    await until('A connection to MariaDB', () => connectMysql(url), { program })
    return program
  }
  let program = await start()
  return {
    url,
    port,
    get pid() {
      return program.pid
    },
    halt: (signal = 'SIGTERM') => program.stop(signal),
    resume: async () => {
      program = await start()
    },
    stop: async () => {
      // At once: nobody needs these data again.
      await program.stop('SIGKILL')
      await folder.remove()
    },
  }
}

/** Fails when no connection can be had. */
export async function connectMysql(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 2_000 })
  await connection.query('SELECT 1').finally(() => connection.destroy())
}
