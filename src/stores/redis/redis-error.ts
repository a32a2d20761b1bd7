import { isEvergrantError, StoreError } from '../../errors.ts'
import { Secrets } from '../../redact.ts'

/** A word shorter than this is none of the parameters' secrets, and may stand in any message. */
const SHORTEST = 9

/** The store's error for one from below, which is rebuilt: clients hang the command and its parameters on theirs. */
export function storeError(error: unknown, parameters: readonly string[]): Error {
  if (isEvergrantError(error)) return error
  const cause = new Secrets().add(...parameters.filter(({ length }) => length >= SHORTEST)).cause(error)
  const reason = cause === undefined || cause.message === '' ? 'unexpected failure' : cause.message
  return new StoreError(`The Redis store failed: ${reason.replace(/\.$/, '')}. ${advice(reason)}`, { cause })
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
