import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { createConnection } from 'mysql2/promise'

import { findPrograms } from '../../scripts/servers.mjs'
import { type OwnServer, runServer } from './own-server.ts'
import { folderFor, userOtherThanRoot } from './program.ts'

/** Starts the installed MariaDB, durable as it is by default; undefined when none is installed. */
export async function startMariadb(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer | undefined> {
  const { mariadb, mariadbInstall } = findPrograms()
  if (mariadb === undefined || mariadbInstall === undefined) return undefined
  const user = await userOtherThanRoot()
  const folder = await folderFor(user)
  const data = join(folder.path, 'data')
  // The user 'root' needs no password; the server listens on loopback only.
  const create = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal']
  // The temporary folder of the tests may be another user's.
  const env = { ...process.env, TMPDIR: folder.path }
  await promisify(execFile)(mariadbInstall, create, { cwd: folder.path, env, ...user })
  const all = {
    datadir: data,
    tmpdir: folder.path,
    socket: join(folder.path, 'mariadb.sock'),
    'pid-file': join(folder.path, 'mariadb.pid'),
    'bind-address': '127.0.0.1',
    'max-connections': '300',
    'innodb-buffer-pool-size': '64M',
    ...settings,
  }
  const set = Object.entries(all).map(([name, value]) => `--${name}=${value}`)
  return runServer({
    name: 'MariaDB',
    command: mariadb,
    folder,
    user,
    args: (port) => ['--no-defaults', `--port=${port}`, ...set],
    urlAt: (port) => `mysql://root@127.0.0.1:${port}/test`,
    connect: connectMysql,
    orderly: 'SIGTERM',
    immediate: 'SIGKILL',
  })
}

/** Fails when no connection can be made. */
export async function connectMysql(url: string): Promise<void> {
  const connection = await createConnection({ uri: url, connectTimeout: 2_000 })
  await connection.query('SELECT 1').finally(() => connection.destroy())
}
