import { storeFailure } from '../failure.ts'

/** Makes the store's error for one of the client or the server. */
export function redisFailure(error: unknown, parameters: readonly string[]): Error {
  const notWritten = error instanceof Error && (REFUSED.test(error.message) || isOnTheMove(error))
  return storeFailure('Redis', error, { values: parameters, advice, notWritten })
}

/** The server refused the script before it ran, or nothing was sent. */
const REFUSED = /^(READONLY|OOM|NOAUTH|WRONGPASS|NOPERM|MISCONF|MASTERDOWN|LOADING) /

/**
 * Slots are moving, and nothing was written. ioredis follows the server's redirection for one command, but not for
 * several that it sends together (`enableAutoPipelining`). It does not send those at all if it learns of the move in
 * between.
 */
const ON_THE_MOVE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |^All keys in the pipeline should belong to the same slots/

/** Whether the same script did not run, and may run at another attempt. */
export function isOnTheMove(error: unknown): boolean {
  return error instanceof Error && ON_THE_MOVE.test(error.message)
}

/** Whether a store's error says that a Cluster has a script's keys in several slots. */
export function isAcrossSlots(error: unknown): boolean {
  const { cause } = error as { cause?: unknown }
  return cause instanceof Error && cause.message.startsWith('CROSSSLOT')
}

function advice(reason: string): string {
  if (reason.startsWith('READONLY')) return 'The server accepts no writes. Connect to the primary.'
  if (reason.startsWith('OOM')) return "The server's memory is full. Give it more, and the policy 'noeviction'."
  if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(reason)) return "Check the user, the password and the user's rights."
  if (reason.startsWith('MISCONF')) return 'The server cannot write to its disk. Check its log.'
  if (/client is closed/i.test(reason)) return 'Connect the client before it is used, and close it last.'
  return 'Check the connection and the server.'
}
