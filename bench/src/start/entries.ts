/** What an application imports to refresh a token and to send an authorised request. */
export interface Entry {
  readonly label: string
  /** The names that are used, by the module that has them. */
  readonly imports: Readonly<Record<string, readonly string[]>>
}

/** An empty process. */
export const CONTROL: Entry = { label: 'nothing (control)', imports: {} }

const EVERGRANT = { evergrant: ['OAuth2Client', 'OAuth2Session'] }

export const CLIENT_AND_SESSION: Entry = { label: 'Evergrant: OAuth2Client, OAuth2Session', imports: EVERGRANT }

export const ALL_FOR_GRANTS: Entry = {
  label: 'Evergrant: OAuth2Client, Grants; SQLite, seal, the preset for Google',
  imports: {
    evergrant: ['OAuth2Client', 'Grants'],
    'evergrant/providers/google': ['google'],
    'evergrant/seal': ['keyRing'],
    'evergrant/sqlite': ['sqliteStore'],
  },
}

export const ENTRIES: readonly Entry[] = [
  CONTROL,
  CLIENT_AND_SESSION,
  ALL_FOR_GRANTS,
  { label: '@badgateway/oauth2-client', imports: { '@badgateway/oauth2-client': ['OAuth2Client', 'OAuth2Fetch'] } },
  {
    label: 'oauth4webapi',
    imports: {
      oauth4webapi: [
        'ClientSecretBasic',
        'processRefreshTokenResponse',
        'protectedResourceRequest',
        'refreshTokenGrantRequest',
      ],
    },
  },
  {
    label: 'openid-client',
    imports: { 'openid-client': ['Configuration', 'fetchProtectedResource', 'refreshTokenGrant'] },
  },
  { label: 'MCP SDK: withOAuth', imports: { '@modelcontextprotocol/sdk/client/middleware.js': ['withOAuth'] } },
  { label: 'google-auth-library', imports: { 'google-auth-library': ['OAuth2Client'] } },
  { label: 'simple-oauth2', imports: { 'simple-oauth2': ['AuthorizationCode'] } },
  {
    label: 'better-auth: betterAuth, genericOAuth',
    imports: { 'better-auth': ['betterAuth'], 'better-auth/plugins/generic-oauth': ['genericOAuth'] },
  },
  { label: 'undici, the package (reference)', imports: { undici: ['Agent', 'request'] } },
]

/** The packages that an entry imports from. */
export function packagesOf({ imports }: Entry): readonly string[] {
  const names = Object.keys(imports).map((module) =>
    module
      .split('/')
      .slice(0, module.startsWith('@') ? 2 : 1)
      .join('/'),
  )
  return [...new Set(names)]
}

/** A module that uses just what the entry names. */
export function sourceOf({ imports }: Entry): string {
  return Object.entries(imports)
    .map(([module, names]) => `export { ${names.join(', ')} } from '${module}'\n`)
    .join('')
}
