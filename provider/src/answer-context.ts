import type { IncomingMessage, ServerResponse } from 'node:http'

/** The part of a Koa context that a fault changes. */
export interface AnswerContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  status: number
  type: string
  body: unknown
  /** With `false`, Koa does not write the response. */
  respond?: boolean
  set(field: string, value: string): void
}

/** The members of a success response, or undefined for any other response. */
export function answerOf(ctx: AnswerContext): Record<string, unknown> | undefined {
  const isObject = typeof ctx.body === 'object' && ctx.body !== null && !Array.isArray(ctx.body)
  return ctx.status === 200 && isObject ? (ctx.body as Record<string, unknown>) : undefined
}

/** Closes the connection without a response. */
export function dropConnection(ctx: AnswerContext): void {
  ctx.respond = false
  ctx.req.socket.destroy()
}
