/**
 * Presets: authorization servers and their quirks, as data. A preset can be spread and changed.
 *
 * @example
 * ```ts
 * import { OAuth2Client } from 'evergrant'
 * import * as providers from 'evergrant/providers'
 *
 * const provider = providers.google
 * const google = new OAuth2Client({ provider, clientId, clientSecret, redirectUri, scope: ['openid', 'email'] })
 * ```
 * @module
 */
export { github } from './github.ts'
export { google } from './google.ts'
export type { Provider, ProviderRefresh, Refusal, RejectedAnswer, ServerMetadata } from '../model/provider.ts'
