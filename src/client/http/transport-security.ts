import { InsecureTransportError } from '../../model/errors.ts'

/** Whether a URL's host is this machine: localhost, 127.0.0.0/8, [::1]. */
export function isLoopback(url: URL): boolean {
  const { hostname } = url
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  )
}

/**
 * Whether a URL leads to this machine by any known name or address: what `isLoopback` allows, the unspecified address,
 * the same in IPv6 or inside it, and names of usual host files. URLs have numbers such as `127.1` or `0x7f000001` in
 * their usual form already.
 */
export function isThisMachine(url: URL): boolean {
  const name = url.hostname.replace(/\.$/, '').toLowerCase()
  if (isLoopback(url) || /(^|\.)localhost$/.test(name)) return true
  if (/^(127|0)(\.\d{1,3}){3}$/.test(name)) return true
  if (
    /^(localhost\.localdomain|localhost6(\.localdomain6)?|localhost4(\.localdomain4)?|ip6-(localhost|loopback)|loopback)$/.test(
      name,
    )
  )
    return true
  return isLocalIpv6(name)
}

/** `[::]`, `[::1]`, and IPv4's 127.0.0.0/8 and 0.0.0.0/8 inside of IPv6: mapped, compatible, translated (RFC 6052). */
function isLocalIpv6(name: string): boolean {
  if (!name.startsWith('[')) return false
  if (name === '[::]' || name === '[::1]') return true
  const [, high = ''] = /^\[(?:::ffff:|::ffff:0:|::|64:ff9b::)([0-9a-f]{1,4}):[0-9a-f]{1,4}\]$/.exec(name) ?? []
  const first = Number.parseInt(high, 16) >> 8
  return high !== '' && (first === 127 || first === 0)
}

/** How far plain HTTP is allowed. */
export interface InsecurePolicy {
  readonly name: string
  readonly allowInsecureRequests: boolean
  /** Whether this program is known to be reached elsewhere than on loopback, from its redirect URI. */
  readonly remote: boolean
}

/**
 * Refuses URLs that are not https. Plain HTTP is for loopback only. There it needs a program that is on loopback too,
 * as far as its redirect URI shows, or `allowInsecureRequests`.
 */
export function assertSecure(url: URL, policy: InsecurePolicy): void {
  if (url.protocol === 'https:') return
  if (url.protocol === 'http:' && isLoopback(url) && (policy.allowInsecureRequests || !policy.remote)) return
  const advice =
    url.protocol === 'http:' && isLoopback(url)
      ? 'Its redirect URI is not on loopback. Set allowInsecureRequests if this is intended.'
      : 'Use https: http is for loopback only (localhost, 127.0.0.0/8, [::1]).'
  throw new InsecureTransportError(`Client '${policy.name}' sends nothing to ${url.protocol}//${url.host}. ${advice}`)
}
