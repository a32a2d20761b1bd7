import { unheeded } from '../util/promised.ts'
import type { Secrets } from '../util/redact.ts'

/**
 * Receives the library's log lines. `console`, pino and winston loggers fit unchanged.
 * Every message and every field is redacted by value first.
 */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Whether a value has the four methods of a logger. */
export function isLogger(value: unknown): value is Logger {
  return (
    typeof value === 'object' &&
    value !== null &&
    LEVELS.every((level) => typeof (value as Logger)[level] === 'function')
  )
}

/** Returns a logger that masks known secrets and never throws, so that a failing log cannot fail a refresh. */
export function redactingLogger(logger: Logger, secrets: Secrets): Logger {
  // pino takes the fields first, and drops a second argument that the message does not name. Only pino has `bindings`.
  const fieldsFirst = typeof (logger as { bindings?: unknown }).bindings === 'function'
  const method =
    (level: (typeof LEVELS)[number]): Logger['debug'] =>
    (message, fields) => {
      try {
        const text = secrets.redact(message)
        // Some loggers are asynchronous.
        if (fields === undefined) unheeded(logger[level](text))
        else if (fieldsFirst) unheeded((logger as unknown as FieldsFirst)[level](secrets.fields(fields), text))
        else unheeded(logger[level](text, secrets.fields(fields)))
      } catch {
        // There is no other place to report to.
      }
    }
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') }
}

type FieldsFirst = Record<(typeof LEVELS)[number], (fields: Record<string, unknown>, message: string) => unknown>
