import { DiscoveryError } from '../model/errors.ts'
import { withDeadline } from './http/deadline.ts'
import type { HttpContext } from './http/send.ts'
import type { MetadataPlace } from './metadata-place.ts'
import { fetchMetadata } from './server-metadata.ts'
import type { Server } from './server.ts'

/** Metadata is asked for again after this. */
const METADATA_TTL_MS = 3_600_000

/** While the server can't answer, older metadata is used and the next try is made after this. */
const RETRY_MS = 60_000

/** Where a client asks for its server's metadata, and what came of it. */
export interface Discovery {
  readonly context: HttpContext
  readonly place: MetadataPlace
  readonly timeoutMs: number
  /** What all views of one client share. */
  readonly shared: {
    known: Server | undefined
    /** Until then what is known is taken as it is. */
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

/** The flight that is under way, or a new one. One that is too old has died with the request that began it, where the host ends a request's work. */
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
    logger?.warn('the metadata could not be had again: the earlier one is used', {
      client: name,
      error: error instanceof Error ? error.message : String(error),
    })
    shared.goodUntil = clock.now() + RETRY_MS
    return shared.known
  }
}

/** Grants and log-ins under way belong to the issuer that was known first. */
function assertSameIssuer(found: Server, { context, shared }: Discovery): void {
  const { known } = shared
  if (known === undefined || known.issuer === found.issuer) return
  throw new DiscoveryError(
    `The metadata of the provider of client '${context.name}' is of another issuer than before (${String(found.issuer).slice(0, 200)}). It is not used while this process lives.`,
    { retryable: false },
  )
}

function tooLate({ context, timeoutMs }: Discovery): DiscoveryError {
  return new DiscoveryError(
    `The metadata of the provider of client '${context.name}' did not come within ${timeoutMs} ms. Try again later.`,
    { retryable: true },
  )
}
