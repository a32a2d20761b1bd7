/**
 * Fakes for tests, and the contracts of stores and of their databases. They need no test runner and listen on no port.
 *
 * ```ts
 * import { fakeClock, scriptedProvider, storeContract } from 'evergrant/testing'
 *
 * const clock = fakeClock()
 * const { fetch, provider } = scriptedProvider({ clock })
 * const client = new OAuth2Client({ provider, clientId: 'id', clientSecret: 's', fetch, clock })
 * ```
 * @module
 */
export { backendContract } from './backend-contract.ts'
export type { BackendContractCase, BackendContractOptions } from './backend/stage.ts'
export type { StoreContractCase, StoreContractOptions } from './contract/stage.ts'
export { type FakeClock, fakeClock } from './fake-clock.ts'
export type { ScriptedAnswer, ScriptedAnswerFunction, ScriptedRequest } from './scripted-answer.ts'
export type { IssuedToken } from './scripted-grants.ts'
export { type ScriptedProvider, scriptedProvider, type ScriptedProviderOptions } from './scripted-provider.ts'
export { storeContract } from './store-contract.ts'
