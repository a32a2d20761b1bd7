import type { InternalClient } from '../client/internal-client.ts'
import { idleDelay, type Clock } from '../util/clock.ts'
import { isEvergrantError } from '../model/errors.ts'
import type { Logger } from '../model/logger.ts'
import type { Token } from '../model/token.ts'
import { jittered } from './failure.ts'
import { maySucceedLater } from './persistently.ts'

const ATTEMPTS = 5
const FIRST_DELAY_MS = 1000

/**
 * Calls an application's function that a revocation requires (a lookup of clients, a key service), with retries where
 * they may help.
 */
export async function withRetries<T>(
  clock: Required<Clock>,
  noRetries: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (!maySucceedLater(error) || attempt === ATTEMPTS || noRetries.aborted) throw error
      await idleDelay(clock, jittered(FIRST_DELAY_MS * 2 ** (attempt - 1)), noRetries).catch(() => undefined)
    }
  }
}

/**
 * Revokes a token at the provider (RFC 7009), best effort: the grant is deleted here already. A failure is
 * logged by the client's logger if the caller has none.
 */
export async function revokeWithRetries(
  core: InternalClient,
  token: Token,
  { clock, logger, noRetries }: { clock: Required<Clock>; logger: Logger | undefined; noRetries: AbortSignal },
): Promise<void> {
  try {
    await withRetries(clock, noRetries, () => core.revoke(token))
  } catch (error) {
    const log = logger ?? core.logger
    log?.warn('evergrant: a disconnected grant could not be revoked at the provider', {
      client: core.name,
      code: isEvergrantError(error) ? error.code : 'unexpected_error',
    })
  }
}

/** Whether a revocation ends everything of the user at the client, and not this grant alone. */
export function revocationEndsPerson(core: InternalClient): boolean {
  return core.provider.revocation?.ends === 'person'
}
