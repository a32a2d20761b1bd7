import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { descendantsOf } from '../../scripts/processes.mjs'
import type { OwnServer } from '../servers/own-server.ts'
import { startPostgres } from '../servers/start-postgres.ts'
import { startRedis } from '../servers/start-redis.ts'
import type { Ledger } from './ledger.ts'
import { clear, placeOf, type Place, type StoreKind } from './stores.ts'
import type { WorkerProcess } from './worker-process.ts'

/** What an outage can affect. */
export interface Reach {
  readonly ledger: Ledger
  readonly workers: readonly WorkerProcess[]
}

/** One kind of outage. */
export interface Scene {
  readonly place: Place
  /** `store`: it cannot be reached or written. `provider`: its token endpoint cannot be reached. */
  readonly of: 'store' | 'provider'
  begin(reach: Reach): Promise<void>
  end(reach: Reach): Promise<void>
  clear(): Promise<void>
}

/** Makes a scene. */
export interface SceneMaker {
  /** What it requires, as text for a test that is skipped. */
  readonly needs: string
  /** Returns undefined if the machine does not have what it requires. */
  make(): Promise<Scene | undefined>
}

const starts = { PostgreSQL: startPostgres, Redis: startRedis }
const packages = { PostgreSQL: 'postgresql', Redis: 'redis-server' }

function withServer(
  kind: keyof typeof starts,
  outage: (server: OwnServer) => Pick<Scene, 'begin' | 'end'>,
): SceneMaker {
  return {
    needs: `${kind} (Debian: apt-get install ${packages[kind]})`,
    make: async () => {
      const server = await starts[kind]()
      if (server === undefined) return undefined
      return { place: placeOf(kind, server.url), of: 'store', ...outage(server), clear: () => server.stop() }
    },
  }
}

const stopped = (kind: keyof typeof starts): SceneMaker =>
  withServer(kind, (server) => ({ begin: () => server.halt(), end: () => server.resume() }))

/** Frozen, so that it keeps its connections and does not respond. */
const frozen = (kind: keyof typeof starts): SceneMaker =>
  withServer(kind, (server) => {
    const signal = (name: NodeJS.Signals): void => {
      // PostgreSQL has a process for each connection.
      const connections = descendantsOf(server.pid).map(({ pid }) => pid)
      for (const pid of [server.pid, ...connections]) process.kill(pid, name)
    }
    return { begin: async () => signal('SIGSTOP'), end: async () => signal('SIGCONT') }
  })

function inFile(of: Scene['of'], outage: Pick<Scene, 'begin' | 'end'>): SceneMaker {
  return {
    needs: 'nothing',
    make: async () => {
      const place = placeOf('SQLite')
      return { place, of, ...outage, clear: () => clear(place) }
    },
  }
}

const readOnly =
  (value: boolean) =>
  async ({ workers }: Reach) => {
    await Promise.all(workers.map((worker) => worker.ask('readOnly', value)))
  }

/** A small disk of its own, which only root can mount. */
async function onSmallDisk(): Promise<Scene | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
  const filler = join(folder, 'filler')
  return {
    place: { kind: 'SQLite' satisfies StoreKind, at: join(folder, 'grants.db'), space: '' },
    of: 'store',
    begin: async () => {
      // Fills the disk to the last byte.
      try {
        writeFileSync(filler, Buffer.alloc(32 * 2 ** 20))
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOSPC') throw error
      }
    },
    end: async () => rmSync(filler),
    clear: async () => {
      execFileSync('umount', [folder])
      rmSync(folder, { recursive: true })
    },
  }
}

const diskFull: SceneMaker = { needs: 'the right to mount a small disk (run as root)', make: onSmallDisk }

/** Every kind of outage. */
export const SCENES: Readonly<Record<string, SceneMaker>> = {
  'PostgreSQL stopped': stopped('PostgreSQL'),
  'PostgreSQL frozen': frozen('PostgreSQL'),
  'Redis stopped': stopped('Redis'),
  'Redis frozen': frozen('Redis'),
  'SQLite read-only': inFile('store', { begin: readOnly(true), end: readOnly(false) }),
  'SQLite, disk full': diskFull,
  'provider down': inFile('provider', { begin: ({ ledger }) => ledger.down(), end: ({ ledger }) => ledger.up() }),
}
