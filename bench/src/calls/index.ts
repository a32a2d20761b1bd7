import type { Library } from './library.ts'

/** A library's calls, loaded only where they are measured. `file`: where a contestant that needs a database has it. */
export interface Contestant {
  /** As the tables show it. */
  readonly name: string
  readonly load: (file: string | undefined) => Promise<Library>
}

export const CONTESTANTS = {
  'bare-fetch': { name: 'fetch', load: async () => (await import('./bare.ts')).bareFetch },
  'bare-clock': { name: 'a look at the clock', load: async () => (await import('./bare.ts')).bareClock },
  'bare-undici': { name: 'undici.request', load: async () => (await import('./bare.ts')).bareUndici },
  'evergrant-session': {
    name: 'Evergrant: OAuth2Session',
    load: async () => (await import('./evergrant.ts')).evergrantSession,
  },
  'evergrant-access-token': {
    name: 'Evergrant: session.accessToken()',
    load: async () => (await import('./evergrant.ts')).evergrantAccessToken,
  },
  'evergrant-grants': {
    name: 'Evergrant: grants.session(…)',
    load: async () => (await import('./evergrant.ts')).evergrantGrants,
  },
  'evergrant-memory': {
    name: 'Evergrant: Grants, memory store',
    load: async () => (await import('./evergrant.ts')).evergrantRefresh(undefined),
  },
  'evergrant-sqlite': {
    name: 'Evergrant: Grants, SQLite',
    load: async (file) => {
      if (file === undefined) throw new Error('Expected a file for the database.')
      return (await import('./evergrant.ts')).evergrantRefresh(file)
    },
  },
  'evergrant-undici': {
    name: 'Evergrant: withGrant',
    load: async () => (await import('./evergrant-undici.ts')).evergrantUndici,
  },
  'evergrant-memory-undici': {
    name: 'Evergrant: Grants, memory store, undiciTransport',
    load: async () => (await import('./evergrant-undici.ts')).evergrantUndiciRefresh(undefined),
  },
  'evergrant-sqlite-undici': {
    name: 'Evergrant: Grants, SQLite, undiciTransport',
    load: async (file) => {
      if (file === undefined) throw new Error('Expected a file for the database.')
      return (await import('./evergrant-undici.ts')).evergrantUndiciRefresh(file)
    },
  },
  'openid-client': { name: 'openid-client', load: async () => (await import('./openid-client.ts')).openidClient },
  oauth4webapi: { name: 'oauth4webapi', load: async () => (await import('./oauth4webapi.ts')).oauth4webapi },
  badgateway: { name: '@badgateway/oauth2-client', load: async () => (await import('./badgateway.ts')).badgateway },
  'google-auth-library': {
    name: 'google-auth-library',
    load: async () => (await import('./google-auth-library.ts')).googleAuthLibrary,
  },
  'simple-oauth2': { name: 'simple-oauth2', load: async () => (await import('./simple-oauth2.ts')).simpleOAuth2 },
  'better-auth': { name: 'better-auth', load: async () => (await import('./better-auth.ts')).betterAuth },
  'mcp-sdk': { name: 'MCP SDK', load: async () => (await import('./mcp-sdk.ts')).mcpSdk },
} as const satisfies Record<string, Contestant>

export type ContestantName = keyof typeof CONTESTANTS
