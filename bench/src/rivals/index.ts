import type { Open } from './rival.ts'

/** A library, used as its own documentation says. */
export interface Rival {
  /** As the tables show it. */
  readonly name: string
  /** How it is used. */
  readonly how: string
  /** From so long before expiry on it renews a token by itself, in milliseconds. */
  readonly marginMs: number
  /** Undefined: it does not run in Node.js. */
  readonly load: (() => Promise<Open>) | undefined
}

/** The libraries without a token manager: their documentation says how to refresh, the rest is left to the user. */
const USUAL = 'the usual code: if it has expired, refresh it'

/** The contestants, by the name that a worker process is told. */
export const RIVALS = {
  'evergrant-session': {
    name: 'Evergrant',
    how: 'OAuth2Session with onToken',
    marginMs: 0,
    load: async () => (await import('./evergrant.ts')).openEvergrantSession,
  },
  'evergrant-grants': {
    name: 'Evergrant',
    how: 'Grants over a store',
    marginMs: 0,
    load: async () => (await import('./evergrant.ts')).openEvergrantGrants,
  },
  'bare-fetch': {
    name: 'fetch',
    how: USUAL,
    marginMs: 0,
    load: async () => (await import('./bare-fetch.ts')).openBareFetch,
  },
  'openid-client': {
    name: 'openid-client',
    how: USUAL,
    marginMs: 0,
    load: async () => (await import('./openid-client.ts')).openOpenidClient,
  },
  oauth4webapi: {
    name: 'oauth4webapi',
    how: USUAL,
    marginMs: 0,
    load: async () => (await import('./oauth4webapi.ts')).openOauth4webapi,
  },
  'simple-oauth2': {
    name: 'simple-oauth2',
    how: USUAL,
    marginMs: 0,
    load: async () => (await import('./simple-oauth2.ts')).openSimpleOAuth2,
  },
  badgateway: {
    name: '@badgateway/oauth2-client',
    how: 'OAuth2Fetch with getStoredToken and storeToken',
    marginMs: 0,
    load: async () => (await import('./badgateway.ts')).openBadgateway,
  },
  'google-auth-library': {
    name: 'google-auth-library',
    how: 'OAuth2Client with its tokens event and forceRefreshOnFailure',
    // Its own default of `eagerRefreshThresholdMillis`.
    marginMs: 300_000,
    load: async () => (await import('./google-auth-library.ts')).openGoogleAuthLibrary,
  },
  'better-auth': {
    name: 'better-auth',
    how: 'getAccessToken of the generic OAuth plugin, on SQLite',
    // It renews a token that has less than this left, whatever its options say.
    marginMs: 5_000,
    load: async () => (await import('./better-auth.ts')).openBetterAuth,
  },
  'mcp-sdk': {
    name: 'MCP SDK',
    how: 'withOAuth over an OAuthClientProvider',
    marginMs: 0,
    load: async () => (await import('./mcp-sdk.ts')).openMcpSdk,
  },
  'requests-oauthlib': {
    name: 'requests-oauthlib (Python)',
    how: 'auto_refresh_url with a token_updater; a caller is a thread',
    marginMs: 0,
    load: undefined,
  },
  'locked-by-hand': {
    name: 'openid-client + proper-lockfile',
    how: 'by hand: single flight, lock on the file, re-read under the lock',
    marginMs: 0,
    load: async () => (await import('./lockfile.ts')).openLockedByHand,
  },
} as const satisfies Record<string, Rival>

export type RivalName = keyof typeof RIVALS

/** What users would pick instead, in the order of the tables. */
export const LIBRARIES = [
  'openid-client',
  'oauth4webapi',
  'simple-oauth2',
  'badgateway',
  'google-auth-library',
  'better-auth',
  'mcp-sdk',
  'requests-oauthlib',
] as const satisfies readonly RivalName[]
