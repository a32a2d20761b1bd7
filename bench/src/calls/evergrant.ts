import { DatabaseSync } from 'node:sqlite'

import { Grants, memoryStore, OAuth2Client, OAuth2Session, type GrantStore, type OAuth2ClientOptions } from 'evergrant'
import { generateKey, keyRing } from 'evergrant/seal'
import { sqliteStore } from 'evergrant/sqlite'

import type { ServerPlace } from '../rivals/rival.ts'
import { grantAt, read, type Library } from './library.ts'

export function evergrantClient(server: ServerPlace, options: Partial<OAuth2ClientOptions> = {}): OAuth2Client {
  const { clientId, clientSecret, issuer, tokenEndpoint } = server
  return new OAuth2Client({
    provider: { name: 'bench', server: { issuer, token_endpoint: tokenEndpoint } },
    clientId,
    clientSecret,
    ...options,
  })
}

/** A session of its own. */
export const evergrantSession = {
  request: async (server, grant) => {
    const session = new OAuth2Session(evergrantClient(server), { token: grant })
    return async () => read(await session.fetch(server.resource))
  },
  token: async (server, grant) => {
    const session = new OAuth2Session(evergrantClient(server), { token: grant })
    await session.token()
    return { kind: 'promise', call: () => session.token() }
  },
} as const satisfies Library

/** The string alone. */
export const evergrantAccessToken = {
  token: async (server, grant) => {
    const session = new OAuth2Session(evergrantClient(server), { token: grant })
    await session.token()
    return { kind: 'promise', call: () => session.accessToken() }
  },
} as const satisfies Library

/** Many grants, of which a request's handler asks for its user's session each time. */
export const evergrantGrants = {
  request: async (server, grant) => {
    const grants = openGrants(evergrantClient(server), memoryStore())
    await grants.save('acme', 'alice', grant)
    return async () => read(await grants.session('acme', 'alice').fetch(server.resource))
  },
  token: async (server, grant) => {
    const grants = openGrants(evergrantClient(server), memoryStore())
    await grants.save('acme', 'alice', grant)
    await grants.session('acme', 'alice').token()
    return { kind: 'promise', call: () => grants.session('acme', 'alice').token() }
  },
} as const satisfies Library

/** Grants whose tokens are spent: each call reads one from the store, opens, claims, redeems, seals and commits. `file`: SQLite, else memory. */
export function evergrantRefresh(file: string | undefined, options?: Partial<OAuth2ClientOptions>): Library {
  return {
    refresh: async (server) => {
      const client = evergrantClient(server, options)
      const store = file === undefined ? memoryStore() : sqliteStore(new DatabaseSync(file))
      let slots = 0
      return async (minted) => {
        slots += 1
        const subjects = minted.map((_, index) => `${slots}.${index}`)
        const saving = openGrants(client, store)
        await Promise.all(minted.map((grant, index) => saving.save('acme', grantAt(subjects, index), grant)))
        // Other grants than those that saved, with a key ring of their own: nothing is in memory yet.
        const grants = openGrants(client, store)
        return (index) => grants.session('acme', grantAt(subjects, index)).token()
      }
    },
  }
}

const KEYS = `bench:${generateKey()}`

function openGrants(acme: OAuth2Client, store: GrantStore): Grants<{ acme: OAuth2Client }> {
  return new Grants({ clients: { acme }, keys: keyRing(KEYS), store })
}
