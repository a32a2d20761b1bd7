import { DiscoveryError } from '../model/errors.ts'
import { withDeadline } from './http/deadline.ts'
import type { HttpContext } from './http/send.ts'
import type { MetadataPlace } from './metadata-place.ts'
import { fetchMetadata } from './server-metadata.ts'
import type { Server } from './server.ts'

/** Age after which metadata is loaded again. */
const METADATA_TTL_MS = 3_600_000

/** Time until the next attempt after a failure. Older metadata is used until then. */
const RETRY_MS = 60_000

/** Where a client loads its server's metadata, and the result. */
export interface Discovery {
  readonly context: HttpContext
  readonly place: MetadataPlace
  readonly timeoutMs: number
  /** What all views of one client share. */
  readonly shared: {
    known: Server | undefined
    /** Time until which the known metadata is used unchanged. */
    goodUntil: number
    flight: { readonly answer: Promise<Server>; readonly since: number } | undefined
  }
}

/** The server, for a caller that waits for it. */
export function waitForServer(discovery: Discovery, signal: AbortSignal | undefined): Promise<Server> {
  const { context, timeoutMs } = discovery
  return withDeadline(
    context.clock,
    timeoutMs,
    signal,
    () => tooLate(discovery),
    () => discover(discovery),
  )
}

/**
 * Returns the flight in progress, or a new one. A too old flight ended with the request that started it, if the host
 * ends a request's work.
 */
export function discover(discovery: Discovery): Promise<Server> {
  const { context, shared, timeoutMs } = discovery
  const now = context.clock.monotonic()
  if (shared.flight !== undefined && now - shared.flight.since <= timeoutMs) return shared.flight.answer
  const answer = ask(discovery).finally(() => {
    if (shared.flight?.answer === answer) shared.flight = undefined
  })
  shared.flight = { answer, since: now }
  return answer
}

async function ask(discovery: Discovery): Promise<Server> {
  const { context, place, shared, timeoutMs } = discovery
  const { clock, logger, name } = context
  const late = (): Error => tooLate(discovery)
  try {
    const found = await withDeadline(clock, timeoutMs, undefined, late, (signal) =>
      fetchMetadata(context, place, signal),
    )
    assertSameIssuer(found, discovery)
    shared.known = found
    shared.goodUntil = clock.now() + METADATA_TTL_MS
    return found
  } catch (error) {
    if (shared.known === undefined) throw error
    logger?.warn('the metadata could not be loaded again: the earlier one is used', {
      client: name,
      error: error instanceof Error ? error.message : String(error),
    })
    shared.goodUntil = clock.now() + RETRY_MS
    return shared.known
  }
}

/** Grants and logins in progress belong to the issuer that was known first. */
function assertSameIssuer(found: Server, { context, shared }: Discovery): void {
  const { known } = shared
  if (known === undefined || known.issuer === found.issuer) return
  throw new DiscoveryError(
    `The metadata of the provider of client '${context.name}' is of another issuer than before (${String(found.issuer).slice(0, 200)}). Restart the process if the change is intended.`,
    { retryable: false },
  )
}

function tooLate({ context, timeoutMs }: Discovery): DiscoveryError {
  return new DiscoveryError(
    `The metadata of the provider of client '${context.name}' did not arrive within ${timeoutMs} ms. Try again later.`,
    { retryable: true },
  )
}
