import { isObject } from '../model/answer/members.ts'
import { ConfigError } from '../model/errors.ts'
import type { Provider } from '../model/provider.ts'
import { assertSecure, type InsecurePolicy } from './http/transport-security.ts'

const LISTS = ['answerPath', 'handOut', 'tokenTypes'] as const satisfies readonly (keyof Provider)[]

/** What a request's own parts decide: its client's authentication, its body, its connection. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'cookie',
  'host',
  'transfer-encoding',
])

/**
 * Checks what a provider's data says about token requests and their responses. @throws ConfigError,
 * InsecureTransportError
 */
export function checkAnswerData(provider: Provider, insecure: InsecurePolicy): void {
  const { bodyFormat, headers, name, refreshEndpoint } = provider
  for (const list of LISTS) {
    const value: unknown = provider[list]
    if (value === undefined) continue
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string' && each !== ''))
      throw new ConfigError(`Expected ${list} of provider '${name}' to be a list of non-empty strings.`)
  }
  if (bodyFormat !== undefined && bodyFormat !== 'form' && bodyFormat !== 'json')
    throw new ConfigError(`Expected bodyFormat of provider '${name}' to be 'form' or 'json'.`)
  if (refreshEndpoint !== undefined) {
    if (typeof refreshEndpoint !== 'string' || !URL.canParse(refreshEndpoint))
      throw new ConfigError(`Expected refreshEndpoint of provider '${name}' to be a URL.`)
    assertSecure(new URL(refreshEndpoint), insecure)
  }
  if (headers !== undefined) checkHeaders(headers, name)
}

function checkHeaders(headers: unknown, provider: string): void {
  if (!isObject(headers))
    throw new ConfigError(`Expected headers of provider '${provider}' to be an object of strings.`)
  for (const [name, value] of Object.entries(headers)) {
    if (RESERVED_HEADERS.has(name.toLowerCase())) {
      throw new ConfigError(
        `Expected headers of provider '${provider}' to be without ${name}: the request decides it. Use a clientAuth function for headers that authenticate.`,
      )
    }
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value))
      throw new ConfigError(
        `Expected headers of provider '${provider}' to be names with values of visible ASCII, got '${name}'.`,
      )
  }
}
