import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { findPrograms } from '../../scripts/servers.mjs'
import { folderFor, freePort, Program, until, userOtherThanRoot } from './program.ts'
import { connect } from './start-postgres.ts'

/** A pooler before a PostgreSQL server. */
export interface Pgbouncer {
  readonly url: string
  stop(): Promise<void>
}

/** Starts the installed pgbouncer in transaction mode, with few connections, before the database of `url`; undefined when none is installed. */
export async function startPgbouncer(url: string): Promise<Pgbouncer | undefined> {
  const { pgbouncer } = findPrograms()
  if (pgbouncer === undefined) return undefined
  const { hostname, port: serverPort, username, password, pathname } = new URL(url)
  const server = {
    host: hostname,
    port: serverPort || '5432',
    dbname: decodeURIComponent(pathname.slice(1)) || 'postgres',
    user: decodeURIComponent(username) || 'postgres',
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  }
  const port = await freePort()
  const user = await userOtherThanRoot()
  const folder = await folderFor(user)
  const file = join(folder.path, 'pgbouncer.ini')
  const settings = [
    '[databases]',
    `pooled = ${Object.entries(server)
      .map(([name, value]) => `${name}='${value.replaceAll("'", "''")}'`)
      .join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 3',
    'max_client_conn = 200',
  ]
  await writeFile(file, `${settings.join('\n')}\n`)
  const program = await Program.start(pgbouncer, [file], { user, folder })
  const pooled = `postgres://anybody@127.0.0.1:${port}/pooled`
  await until('A connection to pgbouncer', () => connect(pooled), { program })
  return {
    url: pooled,
    stop: async () => {
      await program.stop('SIGKILL')
      await folder.remove()
    },
  }
}
