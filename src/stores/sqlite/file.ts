import { chmodSync, closeSync, openSync, statSync } from 'node:fs'

import { StoreError } from '../../model/errors.ts'

/** Only the owner reads and writes: tokens are sealed, but who has which grant is not. */
const MODE = 0o600

const OTHERS = 0o077

/**
 * Creates the file before SQLite does, which would make it as open as the umask allows. Restricts an existing one.
 * SQLite gives `-wal` and `-shm` the file's own mode.
 */
export function protectFile(path: string): void {
  try {
    // Fails if it exists: an existing file must be neither truncated nor opened.
    closeSync(openSync(path, 'wx', MODE))
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EEXIST') throw error
  }
  for (const name of [path, `${path}-wal`, `${path}-shm`]) {
    const stats = statSync(name, { throwIfNoEntry: false })
    // A folder, or a device, that was passed by mistake keeps its mode.
    if (stats?.isFile() === true && (stats.mode & OTHERS) !== 0) chmodSync(name, stats.mode & ~OTHERS & 0o777)
  }
}

/**
 * Notices when a file is no longer the one that was opened. SQLite would continue in the earlier file, which no other
 * process can find.
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
   * Called before anything is written.
   * @throws StoreError if the file was replaced or removed
   */
  assertSame(): void {
    this.#assert(this.#path, true)
  }

  /**
   * Called after something was written: checks the file and its write-ahead log.
   * @throws StoreError if one of them was replaced or removed
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

/** Identifies an existing file. Undefined if there is none, or no way to identify it. */
function idOf(name: string): string | undefined {
  const stats = statSync(name, { throwIfNoEntry: false, bigint: true })
  return stats === undefined || stats.ino === 0n ? undefined : `${stats.dev} ${stats.ino}`
}
