import { Redis } from 'ioredis'

import { findPrograms } from '../../scripts/servers.mjs'
import { folderFor, freePort, Program, until } from './program.ts'

/** A Redis (or Valkey) server of the tests' own, on loopback, in a temporary folder. */
export interface RedisServer {
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

/** Starts the installed Redis, writing each command to its disk before it answers; undefined when none is installed. */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer | undefined> {
  const { redis } = findPrograms()
  if (redis === undefined) return undefined
  const folder = await folderFor(undefined)
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  const all = {
    port: `${port}`,
    bind: '127.0.0.1',
    dir: folder.path,
    save: '',
    appendonly: 'yes',
    appendfsync: 'always',
    'repl-diskless-sync-delay': '0',
    ...settings,
  }
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
  const start = async (): Promise<Program> => {
    const program = await Program.start(redis, args, { folder })
    await until('A connection to Redis', () => ping(url), { program })
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
      await program.stop('SIGKILL')
      await folder.remove()
    },
  }
}

/** Fails when no connection can be had. */
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
