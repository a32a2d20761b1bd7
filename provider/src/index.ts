/**
 * An authorization server for development and tests, in the shape of Google's.
 *
 * @example
 * import { startProvider } from '@evergrant/provider'
 *
 * const provider = await startProvider({ rotate: true })
 * const [grant] = await provider.mint({ user: 'alice' })
 * console.log(provider.url, grant?.refresh_token)
 * await provider.close()
 *
 * @module
 */
export type { ProviderClient } from './provider-client.ts'
export type { ProviderMetadata } from './endpoints.ts'
export { PortInUseError } from './errors.ts'
export type {
  Fault,
  FaultKind,
  FaultOptions,
  FaultTarget,
  HangFault,
  IdTokenFlaw,
  LossFault,
  OrderedFault,
  PlainFaultKind,
  RefusalFault,
  RewriteFault,
} from './faults/fault.ts'
export type { MintOptions, TokenAnswer } from './mint-options.ts'
export type { ProviderOptions } from './options.ts'
export { startProvider, type DevelopmentProvider } from './provider.ts'
export type { ReusePolicy } from './reuse-policy.ts'
export type { ProviderStats, TokenRequestCounts } from './stats.ts'
export type { ProviderUser } from './users.ts'
