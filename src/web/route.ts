import type { Site } from './public-url.ts'

/** What a request is for. */
export type Route =
  | { readonly kind: 'start' | 'disconnect'; readonly client: string }
  /** `clients`: whose callback it may be. */
  | { readonly kind: 'callback'; readonly clients: readonly string[] }
  | { readonly kind: 'connections' }
  | { readonly kind: 'script' }
  /** Below the base, and no route. */
  | { readonly kind: 'unknown' }

/** The methods of each route. HEAD is none of them: frameworks pass it on, and it must not send a code. */
export const METHODS: { readonly [K in Route['kind']]: readonly string[] } = {
  start: ['GET'],
  callback: ['GET', 'POST'],
  disconnect: ['POST'],
  connections: ['GET'],
  script: ['GET'],
  unknown: ['GET', 'POST'],
}

/** Returns what a path is for, with or without the public prefix. Undefined: it is not a route. */
export function routeOf(site: Site, pathname: string): Route | undefined {
  const path = pathname.length > 1 ? pathname.replace(/\/$/, '') : pathname
  const inner = site.prefix !== '' && path.startsWith(`${site.prefix}/`) ? path.slice(site.prefix.length) : undefined
  const route = (inner === undefined ? undefined : below(site.base, inner)) ?? below(site.base, path)
  const clients = site.callbacks.get(path)
  if (clients === undefined) return route
  // Several clients may share a redirect URI. The login's cookie shows which one it is.
  return { kind: 'callback', clients: route?.kind === 'callback' ? [...route.clients, ...clients] : clients }
}

function below(base: string, path: string): Route | undefined {
  if (path === base) return { kind: 'connections' }
  if (!path.startsWith(`${base}/`)) return undefined
  const [name = '', action, ...more] = path.slice(base.length + 1).split('/')
  if (name === 'connect.js' && action === undefined) return { kind: 'script' }
  const client = decoded(name)
  if (client === undefined || client === '' || more.length > 0) return { kind: 'unknown' }
  if (action === undefined) return { kind: 'start', client }
  if (action === 'callback') return { kind: 'callback', clients: [client] }
  return action === 'disconnect' ? { kind: action, client } : { kind: 'unknown' }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
