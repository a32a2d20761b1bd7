import { setTimeout as delay } from 'node:timers/promises'
import type { SigningKey } from '../keys.ts'
import { dropConnection, type AnswerContext } from '../answer-context.ts'
import type { Fault, HangFault, LossFault, RefusalFault, RewriteFault } from './fault.ts'
import { lose } from './lose.ts'
import { refuse } from './refuse.ts'
import { rewrite } from './rewrite.ts'

/** What a fault needs in addition to the request. */
export interface FaultParts {
  readonly key: SigningKey
  /** Requests whose refresh token must not be replaced. */
  readonly unrotated: WeakSet<object>
  /** Aborted when the provider closes. */
  readonly closing: AbortSignal
}

/** Responds as the fault says. `process` lets the provider handle the request and write its response to the context. */
export async function serveFault(
  ctx: AnswerContext,
  process: () => Promise<void>,
  fault: Fault,
  parts: FaultParts,
): Promise<void> {
  if (isRefusal(fault)) {
    refuse(ctx, fault)
    return
  }
  if (fault.kind === 'hang') {
    await hang(ctx, process, fault, parts.closing)
    return
  }
  if (fault.kind === 'refresh_token_missing') parts.unrotated.add(ctx.req)
  await process()
  if (isLoss(fault)) lose(ctx, fault)
  else rewrite(ctx, fault, parts.key)
}

async function hang(
  ctx: AnswerContext,
  process: () => Promise<void>,
  fault: HangFault,
  closing: AbortSignal,
): Promise<void> {
  const processFirst = fault.process === 'first'
  if (processFirst) await process()
  if (fault.ms === undefined) {
    // The open connection is ended by the client, or by `close()`.
    ctx.respond = false
    return
  }
  try {
    await delay(fault.ms, undefined, { signal: closing })
  } catch {
    dropConnection(ctx)
    return
  }
  if (!processFirst) await process()
}

const refusals: ReadonlySet<string> = new Set<RefusalFault['kind']>([
  'server_error',
  'rate_limited',
  'drop_before',
  'error_200',
  'empty_400',
  'invalid_grant',
  'invalid_client',
  'oauth_error',
  'unauthorized',
])

const losses: ReadonlySet<string> = new Set<LossFault['kind']>(['drop_after', 'truncated', 'malformed'])

function isRefusal(fault: Fault): fault is RefusalFault {
  return refusals.has(fault.kind)
}

function isLoss(fault: LossFault | RewriteFault): fault is LossFault {
  return losses.has(fault.kind)
}
