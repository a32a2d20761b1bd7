import type { Call } from '../harness/slots.ts'
import type { ServerPlace, Token } from '../server/protocol.ts'
import { badgateway } from './badgateway.ts'
import { bareClock, bareFetch, bareUndici } from './bare.ts'
import { betterAuth } from './better-auth.ts'
import { evergrant } from './evergrant.ts'
import { googleAuthLibrary } from './google-auth-library.ts'
import { jose } from './jose.ts'
import { at, granted, type Holder, type Library, type Loaded, type TokenCall } from './library.ts'
import { lockedByHand } from './locked-by-hand.ts'
import { mcpSdk } from './mcp-sdk.ts'
import { nodeCrypto } from './node-crypto.ts'
import { oauth4webapi } from './oauth4webapi.ts'
import { openidClient } from './openid-client.ts'
import { requestsOauthlib } from './requests-oauthlib.ts'
import { simpleOAuth2 } from './simple-oauth2.ts'

/** By the name that a process is given, in the order of the tables. */
export const LIBRARIES = {
  'bare-fetch': bareFetch,
  'bare-clock': bareClock,
  'bare-undici': bareUndici,
  jose,
  ...evergrant,
  'node-crypto': nodeCrypto,
  'openid-client': openidClient,
  oauth4webapi,
  'simple-oauth2': simpleOAuth2,
  badgateway,
  'google-auth-library': googleAuthLibrary,
  'better-auth': betterAuth,
  'mcp-sdk': mcpSdk,
  'requests-oauthlib': requestsOauthlib,
  'locked-by-hand': lockedByHand,
} as const satisfies Record<string, Library>

export type LibraryName = keyof typeof LIBRARIES

export const libraryOf = (name: LibraryName): Library => LIBRARIES[name]

/** What users would pick instead. */
export const RIVALS = [
  'openid-client',
  'oauth4webapi',
  'simple-oauth2',
  'badgateway',
  'google-auth-library',
  'better-auth',
  'mcp-sdk',
  'requests-oauthlib',
] as const satisfies readonly LibraryName[]

/** How a library is used, as the tables show it. */
export const usage = (name: LibraryName): string => `${libraryOf(name).name}: ${libraryOf(name).how}`

/** Libraries with this call, and its label. */
export function labelled(call: keyof NonNullable<Library['calls']>): readonly { name: LibraryName; label: string }[] {
  return (Object.keys(LIBRARIES) as LibraryName[]).flatMap((name) => {
    const label = libraryOf(name).calls?.[call]
    return label === undefined ? [] : [{ name, label }]
  })
}

export async function load(name: LibraryName): Promise<Loaded> {
  const loaded = await libraryOf(name).load?.()
  if (loaded === undefined) throw new Error(`Expected a library for Node.js, got ${name}.`)
  return loaded
}

async function inMemory(name: LibraryName, loaded: Loaded, server: ServerPlace, token: Token): Promise<Holder> {
  if (loaded.open === undefined) throw new Error(`Expected ${name} to hold a grant.`)
  return loaded.open(server, { kind: 'memory' }, token)
}

/** An authorised GET with a token that is fresh. */
export async function requestCall(name: LibraryName, server: ServerPlace, token: Token): Promise<Call> {
  const loaded = await load(name)
  if (loaded.request !== undefined) return loaded.request(server, token)
  const holder = await inMemory(name, loaded, server, token)
  return () => granted(holder.get(server.resource))
}

export async function tokenCall(name: LibraryName, server: ServerPlace, token: Token): Promise<TokenCall> {
  const loaded = await load(name)
  if (loaded.token !== undefined) return loaded.token(server, token)
  const holder = await inMemory(name, loaded, server, token)
  // Until the first call has loaded what it needs, there is more to it.
  await holder.token()
  return { kind: 'promise', call: () => holder.token() }
}

/** Prepares refreshes of grants whose tokens have expired. */
export async function refreshCalls(
  name: LibraryName,
  server: ServerPlace,
  file: string,
): Promise<(tokens: readonly Token[]) => Promise<Call>> {
  const loaded = await load(name)
  if (loaded.refresh !== undefined) return loaded.refresh(server, file)
  return async (tokens) => {
    const holders = await Promise.all(tokens.map((token) => inMemory(name, loaded, server, token)))
    return (index) => at(holders, index).token()
  }
}
