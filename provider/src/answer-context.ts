import type { IncomingMessage, ServerResponse } from 'node:http'

/** The part of a Koa context with which an answer is spoilt. */
export interface AnswerContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  status: number
  type: string
  body: unknown
  /** False: Koa leaves the response alone. */
  respond?: boolean
  set(field: string, value: string): void
}

/** The members of a success answer; undefined when the answer is none. */
export function answerOf(ctx: AnswerContext): Record<string, unknown> | undefined {
  const isObject = typeof ctx.body === 'object' && ctx.body !== null && !Array.isArray(ctx.body)
  return ctx.status === 200 && isObject ? (ctx.body as Record<string, unknown>) : undefined
}

/** Ends the connection without an answer. */
export function dropConnection(ctx: AnswerContext): void {
  ctx.respond = false
  ctx.req.socket.destroy()
}
