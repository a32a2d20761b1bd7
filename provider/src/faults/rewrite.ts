import type { SigningKey } from '../keys.ts'
import { answerOf, type AnswerContext } from '../answer-context.ts'
import type { RewriteFault } from './fault.ts'
import { spoilIdToken } from './spoil-id-token.ts'

/** Changes a success response as the fault says. */
export function rewrite(ctx: AnswerContext, fault: RewriteFault, key: SigningKey): void {
  const answer = answerOf(ctx)
  if (!answer) return
  switch (fault.kind) {
    case 'wrong_content_type':
      ctx.body = JSON.stringify(answer)
      ctx.type = fault.contentType ?? 'text/html'
      return
    case 'form_encoded':
      ctx.body = new URLSearchParams(Object.entries(answer).map(([name, value]) => [name, String(value)])).toString()
      ctx.type = 'application/x-www-form-urlencoded'
      return
    case 'expires_in':
      ctx.body = { ...answer, expires_in: fault.value }
      return
    case 'expires_in_string':
      ctx.body = { ...answer, expires_in: String(answer['expires_in']) }
      return
    case 'expires_in_missing':
      ctx.body = without(answer, 'expires_in')
      return
    case 'token_type_missing':
      ctx.body = without(answer, 'token_type')
      return
    case 'token_type_odd':
      ctx.body = { ...answer, token_type: fault.tokenType ?? 'user' }
      return
    case 'refresh_token_missing':
      ctx.body = without(answer, 'refresh_token')
      return
    case 'id_token_invalid':
      ctx.body = { ...answer, id_token: spoilIdToken(answer['id_token'], fault.flaw ?? 'unparsable', key) }
  }
}

function without(answer: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(answer).filter(([member]) => member !== name))
}
