/**
 * Presets: authorization servers and their ways, as data. A preset can be spread and changed.
 *
 * @example
 * ```ts
 * import { OAuth2Client } from 'evergrant'
 * import * as providers from 'evergrant/providers'
 *
 * const google = new OAuth2Client({ provider: providers.google, clientId, clientSecret, redirectUri, scope: ['openid', 'email'] })
 * ```
 * @module
 */
export { github } from './github.ts'
export { google } from './google.ts'
export type { Provider, ProviderRefresh, Refusal, RejectedAnswer, ServerMetadata } from '../model/provider.ts'
