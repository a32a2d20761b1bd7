import { ConfigError } from '../model/errors.ts'
import type { Provider } from '../model/provider.ts'
import {
  addParams,
  RESERVED_FOR_AUTHORIZATION,
  RESERVED_FOR_TOKENS,
  scopeList,
  type Params,
} from './http/request-params.ts'

/** Parameters of a callback that the library itself uses: some are secret. */
const OF_THE_PROTOCOL: readonly string[] = ['code', 'state', 'iss', 'error', 'error_description', 'error_uri']

/**
 * Checks what a login depends on. A preset that was spread and changed is the application's own data: its mistakes show
 * here.
 * @throws ConfigError for wrong data
 */
export function checkProvider(provider: Provider): void {
  if (typeof provider !== 'object' || provider === null || typeof provider.name !== 'string' || provider.name === '') {
    throw new ConfigError("Expected provider to be a preset of 'evergrant/providers' or { name, server }.")
  }
  const { name, offline } = provider
  const check = (params: Params | undefined, reserved: readonly string[], member: string): void =>
    addParams(new URLSearchParams(), params, reserved, `${member} of provider '${name}'`)
  check(provider.authorizationParams, RESERVED_FOR_AUTHORIZATION, 'authorizationParams')
  check(provider.consentParams, RESERVED_FOR_AUTHORIZATION, 'consentParams')
  check(provider.tokenParams, RESERVED_FOR_TOKENS, 'tokenParams')
  const refreshReserved = RESERVED_FOR_TOKENS.filter((parameter) => parameter !== 'scope')
  check(provider.refreshParams, refreshReserved, 'refreshParams')
  if (offline !== undefined && offline !== 'none') {
    if (typeof offline !== 'object' || offline === null) throw wrong(name, 'offline', "'none' or { params, scope }")
    check(offline.params, RESERVED_FOR_AUTHORIZATION, 'offline.params')
    scopeList(offline.scope, `offline.scope of provider '${name}'`)
  }
  for (const member of ['idTokenAlgs', 'formerIssuers', 'callbackParams'] as const) {
    const list: unknown = provider[member]
    if (list !== undefined && !isTexts(list)) throw wrong(name, member, 'a list of non-empty strings')
  }
  const used = provider.callbackParams?.find((parameter) => OF_THE_PROTOCOL.includes(parameter))
  if (used !== undefined) throw wrong(name, 'callbackParams', `parameters of the provider's own; ${used} is not kept`)
  checkTokenOrigins(provider)
}

function checkTokenOrigins({ name, tokenOriginFrom }: Provider): void {
  if (tokenOriginFrom === undefined) return
  const { param, allowed } = tokenOriginFrom
  if (typeof param !== 'string' || param === '' || OF_THE_PROTOCOL.includes(param))
    throw wrong(name, 'tokenOriginFrom.param', "the name of a parameter of the provider's own")
  const fits = (origin: string): boolean =>
    URL.canParse(origin) &&
    /^https?:$/.test(new URL(origin).protocol) &&
    new URL(origin).href === `${new URL(origin).origin}/`
  if (!isTexts(allowed) || !allowed.every(fits))
    throw wrong(name, 'tokenOriginFrom.allowed', "a list of origins such as 'https://accounts.example.eu'")
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '')
}

function wrong(provider: string, member: string, expected: string): ConfigError {
  return new ConfigError(`Expected ${member} of provider '${provider}' to be ${expected}.`)
}
