import { dropConnection, type AnswerContext } from '../answer-context.ts'
import type { LossFault } from './fault.ts'

/** Loses the response of a processed request, so that no part of it can be used. */
export function lose(ctx: AnswerContext, fault: LossFault): void {
  switch (fault.kind) {
    case 'drop_after':
      return dropConnection(ctx)
    case 'truncated':
      return sendHalf(ctx)
    case 'malformed':
      ctx.status = 200
      ctx.body = fault.body ?? '<!doctype html><title>Welcome</title><p>Accept our terms to continue.</p>'
      ctx.type = fault.contentType ?? 'text/html'
  }
}

function sendHalf(ctx: AnswerContext): void {
  const whole = Buffer.from(JSON.stringify(ctx.body ?? null))
  ctx.respond = false
  ctx.res.writeHead(ctx.status, { 'content-type': 'application/json', 'content-length': whole.length })
  ctx.res.write(whole.subarray(0, Math.ceil(whole.length / 2)), () => ctx.req.socket.destroy())
}
