import { chmodSync, closeSync, openSync, statSync } from 'node:fs'

import { StoreError } from '../../model/errors.ts'

/** Read and write for the owner alone: tokens are sealed, but who has which grant is not. */
const MODE = 0o600

const OTHERS = 0o077

/**
 * Makes the file before SQLite does, which would make it as open as the umask allows. Narrows one that is there.
 * SQLite gives `-wal` and `-shm` the file's own mode.
 */
export function protectFile(path: string): void {
  try {
    // Fails when it exists: what is there must be neither truncated nor opened.
    closeSync(openSync(path, 'wx', MODE))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    const stats = statSync(name, { throwIfNoEntry: false })
    // A folder, or a device, that was given by mistake stays as open as it is.
    if (stats?.isFile() === true && (stats.mode & OTHERS) !== 0) chmodSync(name, stats.mode & ~OTHERS & 0o777)
  }
}

/**
 * Notices when a file is no longer the one that was opened. SQLite would go on in the file of before, which no other
 * process finds any more.
 */
export class OpenedFile {
  readonly #ids: ReadonlyMap<string, string>
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    // A write-ahead log and its index stay the same while a connection is open.
    this.#ids = new Map(
      [path, `${path}-wal`, `${path}-shm`].flatMap((name) => {
        const id = idOf(name)
        return id === undefined ? [] : [[name, id]]
      }),
    )
  }

  /**
   * Asked before anything is written.
   * @throws StoreError when the file is another one now, or none
   */
  assertSame(): void {
    this.#assert(this.#path, true)
  }

  /**
   * Asked after something was written: the file and its write-ahead log.
   * @throws StoreError when one of them is another one now, or none
   */
  assertKept(): void {
    for (const name of this.#ids.keys()) this.#assert(name, false)
  }

  #assert(name: string, notWritten: boolean): void {
    const before = this.#ids.get(name)
    if (before === undefined || idOf(name) === before) return
    throw new StoreError(
      `The SQLite store's file ${name} was removed or replaced while it was open. ` +
        'Put it back, or restart this process to use what is there now.',
      { notWritten },
    )
  }
}

/** Tells a file from all others that are there; undefined where there is none, or no way to tell. */
function idOf(name: string): string | undefined {
  const stats = statSync(name, { throwIfNoEntry: false, bigint: true })
  return stats === undefined || stats.ino === 0n ? undefined : `${stats.dev} ${stats.ino}`
}
