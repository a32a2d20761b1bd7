import { DiscoveryError, EvergrantError } from '../model/errors.ts'
import type { ServerMetadata } from '../model/provider.ts'
import { Secrets } from '../util/redact.ts'
import { send, type HttpAnswer, type HttpContext } from './http/send.ts'
import { isIssuerOf } from './issuers.ts'
import type { MetadataPlace } from './metadata-place.ts'
import { assertElsewhere, makeServer, type Server } from './server.ts'
import { isThisMachine } from './http/transport-security.ts'

const MOST_REDIRECTS = 3

/**
 * Loads a server's metadata.
 * @throws DiscoveryError if it cannot be loaded or used
 */
export async function fetchMetadata(context: HttpContext, place: MetadataPlace, signal: AbortSignal): Promise<Server> {
  // RFC 8414 first, then OpenID Connect: each server has at least the one of its kind.
  const urls =
    place.kind === 'document' ? [place.url] : [oauthMetadataUrl(place.issuer), openidMetadataUrl(place.issuer)]
  const issuer = place.kind === 'document' ? undefined : place.issuer
  const failures: DiscoveryError[] = []
  for (const url of urls) {
    try {
      return await fetchDocument(context, url, issuer, signal)
    } catch (error) {
      if (!(error instanceof DiscoveryError)) throw error
      failures.push(error)
    }
  }
  const status = failures.findLast((failure) => failure.status !== undefined)?.status
  throw new DiscoveryError(
    `The provider of client '${context.name}' has no usable metadata${issuer === undefined ? '' : ` for issuer ${issuer}`}. ${failures.map((failure) => failure.message).join(' ')}`,
    { retryable: failures.some((failure) => failure.retryable), ...(status === undefined ? {} : { status }) },
    { cause: failures[0]?.cause },
  )
}

async function fetchDocument(
  context: HttpContext,
  url: string,
  issuer: string | undefined,
  signal: AbortSignal,
): Promise<Server> {
  const { answer, from } = await get(context, url, signal)
  const problem = (text: string): DiscoveryError =>
    new DiscoveryError(`${from}: ${text}`, { retryable: false, status: answer.status })
  if (answer.status !== 200) throw problem(`status ${answer.status}.`)
  const metadata = parseObject(answer.text)
  if (metadata === undefined) throw problem('not a JSON object of at most 1 MiB.')
  if (issuer !== undefined && !namesItself(metadata['issuer'], issuer)) {
    // RFC 8414 section 3.3 requires the identical string.
    throw problem(
      `it is of the issuer ${JSON.stringify(metadata['issuer'])?.slice(0, 200)}. If that is the one meant, write it exactly so.`,
    )
  }
  try {
    const server = makeServer(metadata as ServerMetadata, 'it', context.insecure)
    if (!isThisMachine(new URL(url))) assertElsewhere(server, 'it')
    return server
  } catch (error) {
    throw problem(error instanceof Error ? error.message : 'unusable.')
  }
}

async function get(
  context: HttpContext,
  url: string,
  signal: AbortSignal,
): Promise<{ answer: HttpAnswer; from: string }> {
  const origin = new URL(url).origin
  let from = url
  for (let hops = 0; ; hops += 1) {
    const answer = await ask(context, from, signal)
    const location = answer.status >= 300 && answer.status < 400 ? answer.headers.get('location') : null
    if (location === null) return { answer, from }
    const next = URL.canParse(location, from) ? new URL(location, from) : undefined
    if (next?.origin !== origin || hops === MOST_REDIRECTS) {
      throw new DiscoveryError(
        `${from}: it redirects ${next?.origin === origin ? 'too often' : `to another origin (${next?.origin ?? 'unreadable'})`}. Give the URL of the metadata document itself as provider.server.`,
        { retryable: false, status: answer.status },
      )
    }
    from = next.href
  }
}

async function ask(context: HttpContext, url: string, signal: AbortSignal): Promise<HttpAnswer> {
  try {
    return await send(context, {
      purpose: 'metadata request',
      url,
      method: 'GET',
      headers: { accept: 'application/json' },
      redirects: 'answer',
      signal,
      secrets: new Secrets(),
    })
  } catch (error) {
    if (!(error instanceof EvergrantError) || error.code !== 'provider_unavailable') throw error
    const { status } = error as EvergrantError & { status?: number }
    throw new DiscoveryError(
      `${url}: ${error.message}`,
      { retryable: true, ...(status === undefined ? {} : { status }) },
      { cause: error.cause },
    )
  }
}

/** RFC 8414 section 3.1: the well-known path precedes the issuer's own path. */
export function oauthMetadataUrl(issuer: string): string {
  const url = new URL(issuer)
  url.pathname = `/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`
  return url.href
}

/** OpenID Connect Discovery section 4: the well-known path follows the issuer's own path. */
export function openidMetadataUrl(issuer: string): string {
  const url = new URL(issuer)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
  return url.href
}

/**
 * Whether metadata belongs to the requested issuer: itself, or the one that represents all tenants, of which the
 * requested one is a name.
 */
function namesItself(issuer: unknown, asked: string): boolean {
  return typeof issuer === 'string' && isIssuerOf(issuer, asked)
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse((text ?? '').replace(/^\uFEFF/, ''))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
