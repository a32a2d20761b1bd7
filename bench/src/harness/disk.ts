import { existsSync, statfsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { slot, type Slot } from './slots.ts'

/** tmpfs and ramfs: what is written there is on no disk, and costs nothing to make durable. */
const IN_MEMORY: readonly number[] = [0x01021994, 0x858458f6]

/** A temporary folder on a real disk. */
export interface DiskFolder {
  readonly path: string
  close(): Promise<void>
}

export async function diskFolder(): Promise<DiskFolder> {
  const places = [tmpdir(), '/var/tmp', join(import.meta.dirname, '..', '..')]
  const place = places.find((path) => existsSync(path) && !IN_MEMORY.includes(statfsSync(path).type))
  if (place === undefined) throw new Error(`Expected one of ${places.join(', ')} to be on a disk.`)
  const path = await mkdtemp(join(place, 'evergrant-bench-'))
  return { path, close: () => rm(path, { recursive: true, force: true }) }
}

/** What it takes to make one row durable by itself: commits of an SQLite file of its own, one after the other. */
export async function durableCommits(file: string, calls: number): Promise<Slot> {
  const database = new DatabaseSync(file)
  try {
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE rows (id INTEGER PRIMARY KEY, text)',
    )
    const insert = database.prepare('INSERT INTO rows (text) VALUES (?)')
    return await slot(async (index) => insert.run(`row ${index}`), { calls, concurrency: 1 })
  } finally {
    database.close()
  }
}
