import { isBeyondRefresh } from '../client/answers/challenge.ts'
import type { HeaderReader, RejectedAnswers, Verdict } from '../client/answers/rejected-answers.ts'
import type { AccessToken } from '../model/token.ts'
import type { DispatchHandler } from './dispatcher.ts'
import { redirectedElsewhere, type Repeater, type SentRequest } from './repeater.ts'

/** A request on its first attempt, and what its response is judged by. */
export interface Sending {
  readonly handler: DispatchHandler
  readonly repeater: Repeater
  readonly request: SentRequest
  readonly token: AccessToken
  readonly rejected: RejectedAnswers | undefined
}

/**
 * Whether a response means that its access token has expired. `headers` are as undici passes them: parsed, or names and
 * values in turn.
 */
export function refusalIn(sending: Sending, context: unknown, status: number, headers: unknown): Verdict {
  const { rejected, request } = sending
  if ((status !== 401 && rejected === undefined) || status < 200 || redirectedElsewhere(request, context)) return false
  const header = headerReader(headers)
  if (status === 401) return !isBeyondRefresh(header('www-authenticate'))
  return rejected?.judge(status, header) ?? false
}

/** The same for the error that undici's `responseError` makes of a response, if it is composed inside. */
export function refusalInError(sending: Sending, context: unknown, error: Error): boolean {
  const { body, code, headers, statusCode } = error as {
    body?: unknown
    code?: unknown
    headers?: unknown
    statusCode?: unknown
  }
  if (code !== 'UND_ERR_RESPONSE' || typeof statusCode !== 'number') return false
  const refusal = refusalIn(sending, context, statusCode, headers)
  if (typeof refusal === 'boolean') return refusal
  return typeof body === 'string'
    ? (refusal.add(new TextEncoder().encode(body)) ?? refusal.end())
    : refusal.parsed(body)
}

export function headerReader(headers: unknown): HeaderReader {
  if (Array.isArray(headers)) return rawReader(headers)
  return (name) => joined((headers as Record<string, unknown> | null | undefined)?.[name])
}

function rawReader(raw: readonly unknown[]): HeaderReader {
  return (name) => {
    const values: unknown[] = []
    for (let at = 0; at + 1 < raw.length; at += 2) {
      if (String(raw[at]).toLowerCase() === name) values.push(raw[at + 1])
    }
    return joined(values.flat())
  }
}

function joined(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.length === 0 ? undefined : values.map(String).join(', ')
}
