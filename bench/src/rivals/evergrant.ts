import { Grants, OAuth2Client, OAuth2Session } from 'evergrant'
import { keyRing } from 'evergrant/seal'

import { openKeep } from './keeping.ts'
import { drained } from './naive.ts'
import { openStore } from './open-store.ts'
import type { Holder, Open, ServerPlace } from './rival.ts'

function oauth2Client({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace): OAuth2Client {
  return new OAuth2Client({
    provider: { name: 'bench', server: { issuer, token_endpoint: tokenEndpoint } },
    clientId,
    clientSecret,
  })
}

const holderOf = (session: OAuth2Session): Pick<Holder, 'get' | 'token'> => ({
  token: () => session.accessToken(),
  get: async (url) => drained(await session.fetch(url)),
})

/** One grant in one process, with a token updater. */
export const openEvergrantSession: Open = async (server, keeping, seed) => {
  const keep = await openKeep(keeping, seed)
  const session = new OAuth2Session(oauth2Client(server), {
    token: await keep.load(),
    onToken: ({ accessToken, expiresAt = 0, receivedAt, refreshToken }) =>
      keep.save({ accessToken, refreshToken, receivedAt, expiresAt }),
  })
  return { ...holderOf(session), save: keep.save, setSaving: keep.setSaving, close: () => session.close() }
}

/** A grant that several processes share. */
export const openEvergrantGrants: Open = async (server, keeping, seed) => {
  if (keeping.kind !== 'store') throw new Error('Expected a store.')
  const opened = openStore(keeping)
  const grants = new Grants({
    clients: { acme: oauth2Client(server) },
    store: opened.store,
    keys: keyRing(keeping.keys),
  })
  if (seed !== undefined) await grants.save('acme', 'alice', seed)
  // A connection, before it is measured.
  await opened.store.read({ client: 'acme', subject: 'nobody', account: '' })
  return {
    ...holderOf(grants.session('acme', 'alice')),
    save: async (kept) => {
      await grants.save('acme', 'alice', kept)
    },
    setSaving: () => {
      throw new Error('Only an application that keeps its token itself can fail to do so here.')
    },
    close: async () => {
      await grants.close()
      await opened.close()
    },
  }
}
