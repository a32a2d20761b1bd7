import { chmodSync, closeSync, openSync, statSync } from 'node:fs'

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
