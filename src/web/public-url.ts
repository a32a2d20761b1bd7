import type { InternalClient } from '../client/internal-client.ts'
import { isLoopback } from '../client/http/transport-security.ts'
import { ConfigError } from '../model/errors.ts'

/** Where browsers find the routes. Never taken from a request. */
export interface Site {
  readonly origin: string
  /** Path that a proxy may remove. '' for none. */
  readonly prefix: string
  /** Path of the routes without the prefix. */
  readonly base: string
  /** Other paths that are redirect URIs, each with the clients that use it. */
  readonly callbacks: ReadonlyMap<string, readonly string[]>
}

type Clients = ReadonlyMap<string, Pick<InternalClient, 'redirectUri'>>
type Place = Pick<Site, 'origin' | 'prefix'>

/** @throws ConfigError if the public URL cannot be known, or is plain http off loopback */
export function siteOf(
  { base = '/connect', publicUrl }: { readonly base?: string | undefined; readonly publicUrl?: string | undefined },
  clients: Clients,
): Site {
  if (!/^(\/[\w.~-]+)+$/.test(base))
    throw new ConfigError("Expected base of connectHandler() to be a path such as '/connect', without a final '/'.")
  const place = publicUrl === undefined ? placeOf(base, clients) : parsed(publicUrl)
  const { protocol } = new URL(place.origin)
  if (protocol !== 'https:' && !isLoopback(new URL(place.origin)))
    throw new ConfigError(
      `Expected the public URL of connectHandler() to be https, got ${place.origin}. Http is for loopback only (localhost, 127.0.0.0/8, [::1]).`,
    )
  return { ...place, base, callbacks: callbacksOf({ ...place, base }, clients) }
}

function parsed(publicUrl: string): Place {
  const url = typeof publicUrl === 'string' && URL.canParse(publicUrl) ? new URL(publicUrl) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new ConfigError(
      "Expected publicUrl of connectHandler() to be an origin with an optional path, such as 'https://example.com'.",
    )
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') }
}

/** Returns what stands before `{base}/{client}/callback` in the clients' redirect URIs. */
function placeOf(base: string, clients: Clients): Place {
  const places = new Map<string, Place>()
  for (const [name, { redirectUri }] of clients) {
    const url = webUrl(redirectUri)
    const end = `${base}/${encodeURIComponent(name)}/callback`
    if (url?.pathname.endsWith(end) !== true) continue
    const place = { origin: url.origin, prefix: url.pathname.slice(0, -end.length) }
    places.set(place.origin + place.prefix, place)
  }
  const [first, second] = places.values()
  if (second !== undefined)
    throw new ConfigError(
      `The redirect URIs of the clients name several public URLs (${[...places.keys()].join(', ')}). Pass publicUrl to connectHandler().`,
    )
  if (first === undefined)
    throw new ConfigError(
      `No client has a redirect URI that ends in ${base}/{client}/callback. Set it, or pass publicUrl to connectHandler().`,
    )
  return first
}

function callbacksOf({ base, origin, prefix }: Omit<Site, 'callbacks'>, clients: Clients): Site['callbacks'] {
  const callbacks = new Map<string, readonly string[]>()
  for (const [name, { redirectUri }] of clients) {
    const url = webUrl(redirectUri)
    if (url === undefined || url.pathname === `${prefix}${base}/${encodeURIComponent(name)}/callback`) continue
    const inside = url.origin === origin && prefix !== '' && url.pathname.startsWith(`${prefix}/`)
    for (const path of inside ? [url.pathname, url.pathname.slice(prefix.length)] : [url.pathname])
      callbacks.set(path, [...(callbacks.get(path) ?? []), name])
  }
  return callbacks
}

/** Undefined for the names that some providers use in place of redirect URIs, and for other schemes. */
function webUrl(redirectUri: string | undefined): URL | undefined {
  const url = redirectUri !== undefined && URL.canParse(redirectUri) ? new URL(redirectUri) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) ? url : undefined
}

/** Parameters of a route. Those without a value are left out. */
export type RouteParams = Readonly<Record<string, string | undefined>>

/** Returns the path of a client's route as browsers see it. */
export function pathOf({ base, prefix }: Site, client: string, route: '' | 'disconnect', params: RouteParams): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== '') query.set(name, value)
  const path = `${prefix}${base}/${encodeURIComponent(client)}${route === '' ? '' : `/${route}`}`
  return query.size === 0 ? path : `${path}?${query.toString()}`
}
