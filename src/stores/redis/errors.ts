import { storeFailure } from '../failure.ts'

/** The store's error for one of the client or the server. */
export function redisFailure(error: unknown, parameters: readonly string[]): Error {
  const notWritten = error instanceof Error && (REFUSED.test(error.message) || isOnTheMove(error))
  return storeFailure('Redis', error, { values: parameters, advice, notWritten })
}

/** The server refused the script before it ran, or nothing was sent. */
const REFUSED = /^(READONLY|OOM|NOAUTH|WRONGPASS|NOPERM|MISCONF|MASTERDOWN|LOADING) /

/**
 * Slots are on the move, and nothing was written. ioredis follows what it is told for one command, but not for several
 * that it sends together (`enableAutoPipelining`); those it does not send at all when it learns of it in between.
 */
const ON_THE_MOVE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |^All keys in the pipeline should belong to the same slots/

/** Whether the same script may run at another try, and did not this time. */
export function isOnTheMove(error: unknown): boolean {
  return error instanceof Error && ON_THE_MOVE.test(error.message)
}

/** Whether a store's error says that a Cluster has a script's keys in several slots. */
export function isAcrossSlots(error: unknown): boolean {
  const { cause } = error as { cause?: unknown }
  return cause instanceof Error && cause.message.startsWith('CROSSSLOT')
}

function advice(reason: string): string {
  if (reason.startsWith('READONLY')) return 'The server takes no writes: connect to the primary.'
  if (reason.startsWith('OOM')) return "The server's memory is full: give it more, and the policy 'noeviction'."
  if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(reason)) return "Check the user, the password and the user's rights."
  if (reason.startsWith('MISCONF')) return "The server can't write to its disk: look at its log."
  if (/client is closed/i.test(reason)) return 'Connect the client before it is used, and close it last.'
  return 'Check the connection and the server.'
}
