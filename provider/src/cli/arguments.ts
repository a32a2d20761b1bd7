import { parseArgs } from 'node:util'
import type { ProviderOptions } from '../options.ts'
import type { ReusePolicy } from '../reuse-policy.ts'
import { parseDuration } from './duration.ts'

/** What the command was asked to do. */
export interface CommandArguments {
  readonly help: boolean
  readonly json: boolean
  readonly options: ProviderOptions
}

/** Thrown for invalid arguments. The message is for the user of the command. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

const flags = {
  port: { type: 'string' },
  host: { type: 'string' },
  'access-token-lifetime': { type: 'string' },
  'refresh-token-lifetime': { type: 'string' },
  rotate: { type: 'boolean' },
  reuse: { type: 'string' },
  latency: { type: 'string' },
  'redirect-uri': { type: 'string', multiple: true },
  'client-id': { type: 'string' },
  'client-secret': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/**
 * Reads the command line.
 * @throws {UsageError} naming the argument and what was expected
 */
export function parseArguments(args: readonly string[]): CommandArguments {
  const values = parseFlags(args)
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    options: {
      port: parsePort(values.port ?? '4000'),
      ...given('host', values.host),
      ...given('accessTokenLifetimeMs', lifetime('access-token-lifetime', values['access-token-lifetime'])),
      ...given('refreshTokenLifetimeMs', lifetime('refresh-token-lifetime', values['refresh-token-lifetime'])),
      ...given('rotate', values.rotate),
      ...given('reuse', parseReuse(values.reuse)),
      ...given('latencyMs', duration('latency', values.latency)),
      ...given('redirectUris', values['redirect-uri']?.map(parseRedirectUri)),
      ...given('clientId', values['client-id']),
      ...given('clientSecret', values['client-secret']),
    },
  }
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: false }).values
  } catch (error) {
    // The second sentence of Node.js explains a syntax that does not apply here.
    throw new UsageError(error instanceof Error ? error.message.replace(/\. .*/s, '.') : String(error))
  }
}

function given<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V })
}

function parsePort(text: string): number {
  const port = Number(text)
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`Expected --port to be a number from 0 to 65535, got: ${text}`)
  }
  return port
}

function duration(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms === undefined)
    throw new UsageError(`Expected --${name} to be a duration such as 500ms, 60s, 5m or 1h, got: ${text}`)
  return ms
}

function lifetime(name: string, text: string | undefined): number | undefined {
  const ms = duration(name, text)
  if (ms === 0) throw new UsageError(`Expected --${name} to be longer than nothing, got: ${text}`)
  return ms
}

function parseReuse(text: string | undefined): ReusePolicy | undefined {
  if (text === undefined || text === 'revoke' || text === 'refuse') return text
  const graceMs = parseDuration(text)
  if (graceMs === undefined) {
    throw new UsageError(`Expected --reuse to be revoke, refuse, or a grace period such as 30s, got: ${text}`)
  }
  return graceMs
}

function parseRedirectUri(text: string): string {
  if (!URL.canParse(text) || text.includes('#')) {
    throw new UsageError(`Expected --redirect-uri to be an absolute URL without a fragment, got: ${text}`)
  }
  return text
}
