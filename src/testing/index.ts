/**
 * Fakes for tests, and the contract that every store keeps. No test runner is needed, nothing listens on a port.
 *
 * ```ts
 * import { fakeClock, scriptedProvider, storeContract } from 'evergrant/testing'
 *
 * const clock = fakeClock()
 * const scripted = scriptedProvider({ clock })
 * const client = new OAuth2Client({ provider: scripted.provider, clientId: 'id', clientSecret: 's', fetch: scripted.fetch, clock })
 * ```
 * @module
 */
export type { StoreContractCase, StoreContractOptions } from './contract/stage.ts'
export { type FakeClock, fakeClock } from './fake-clock.ts'
export { storeContract } from './store-contract.ts'
