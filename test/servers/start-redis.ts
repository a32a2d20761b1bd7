import { Redis } from 'ioredis'

import { findPrograms } from '../../scripts/servers.mjs'
import { type OwnServer, runServer } from './own-server.ts'
import { folderFor } from './program.ts'

/** Starts the installed Redis (or Valkey), which writes each command to its disk before it responds; undefined when none is installed. */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer | undefined> {
  const { redis } = findPrograms()
  if (redis === undefined) return undefined
  const folder = await folderFor(undefined)
  const all = {
    bind: '127.0.0.1',
    dir: folder.path,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'repl-diskless-sync-delay': '0',
    ...settings,
  }
  const set = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  return runServer({
    name: 'Redis',
    command: redis,
    folder,
    args: (port) => ['--port', `${port}`, ...set],
    urlAt: (port) => `redis://127.0.0.1:${port}`,
    connect: ping,
    orderly: 'SIGTERM',
    immediate: 'SIGKILL',
  })
}

/** Fails when no connection can be made. */
export async function ping(url: string): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.ping()
  } finally {
    client.disconnect()
  }
}
