import { ConfigError, OriginNotAllowedError } from '../model/errors.ts'

/** Decides whether a URL belongs to the allowed origins. */
export type OriginRule = (url: URL) => boolean

/**
 * Compiles origins as callers pass them: exact ones, `https://*.example.com` (its subdomains), `*` (every https
 * origin).
 */
export function compileOrigins(origins: Iterable<string>, where: string): OriginRule {
  const exact = new Set<string>()
  const suffixes: { readonly suffix: string; readonly port: string }[] = []
  let every = false
  for (const origin of origins) {
    if (origin === '*') {
      every = true
      continue
    }
    const wildcard = /^https:\/\/\*(\.[^/:*?#]+\.[^/:*?#]+)(?::(\d+))?$/.exec(origin)
    if (wildcard !== null) {
      suffixes.push({
        suffix: (wildcard[1] ?? '').toLowerCase(),
        port: wildcard[2] === '443' ? '' : (wildcard[2] ?? ''),
      })
      continue
    }
    const url =
      typeof origin === 'string' && !origin.includes('*') && URL.canParse(origin) ? new URL(origin) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
      throw new ConfigError(
        `Expected ${JSON.stringify(origin)} in ${where} to be an origin such as 'https://api.example.com', 'https://*.example.com' for its subdomains, or '*' for every https origin.`,
      )
    }
    exact.add(url.origin)
  }
  return (url) =>
    exact.has(url.origin) ||
    (url.protocol === 'https:' &&
      (every || suffixes.some(({ suffix, port }) => url.port === port && url.hostname.endsWith(suffix))))
}

/** @throws OriginNotAllowedError for a URL of another origin */
export function assertOrigin(url: URL, rule: OriginRule, client: string): void {
  if (!rule(url)) throw new OriginNotAllowedError(url.origin, client)
}
