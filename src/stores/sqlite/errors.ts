import { isEvergrantError, StoreError } from '../../model/errors.ts'

const BUSY = 5
const LOCKED = 6
/** Many processes raced for the write-ahead log's index; nothing is wrong. */
const PROTOCOL = 15

/** The disk is full, the file is read-only or cannot be opened: what was started was undone. */
const NOT_WRITTEN = /^(ERR_)?SQLITE_(FULL|READONLY|CANTOPEN|PERM|AUTH)/
const NOT_WRITTEN_CODES: readonly number[] = [3, 8, 13, 14, 23]

/** Whether an error only says that another connection is writing. */
export function isBusy(error: unknown): boolean {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return [BUSY, LOCKED, PROTOCOL].includes(errcode & 0xff)
  return typeof code === 'string' && /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code)
}

function isNotWritten(error: unknown): boolean {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  if (typeof errcode === 'number') return NOT_WRITTEN_CODES.includes(errcode & 0xff)
  return typeof code === 'string' && NOT_WRITTEN.test(code)
}

/** Rebuilds an error from below as the store's: drivers attach SQL and its parameters. */
export function storeError(error: unknown): Error {
  if (isEvergrantError(error)) return error
  const { code, message } = error as { code?: unknown; message?: unknown }
  const fromSqlite = typeof code === 'string' && /^(ERR_)?SQLITE_/.test(code)
  const fromSystem = typeof code === 'string' && /^E[A-Z]+$/.test(code)
  const reason = (fromSqlite || fromSystem) && typeof message === 'string' ? message : 'unexpected failure'
  const busy = isBusy(error)
  const cause = new Error(typeof code === 'string' ? `${code}: ${reason}` : reason)
  return new StoreError(
    busy
      ? 'The SQLite store is busy with the writes of other processes. ' +
          'Try again; if it repeats, spread the load or use a database server.'
      : `The SQLite store failed: ${reason}. Check its file, its folder and the space on the disk.`,
    { cause, notWritten: busy || isNotWritten(error) },
  )
}
