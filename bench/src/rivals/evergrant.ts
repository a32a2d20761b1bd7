import { Grants, OAuth2Client, OAuth2Session } from 'evergrant'
import { keyRing } from 'evergrant/seal'

import { openKeep } from './keeping.ts'
import { drained } from './naive.ts'
import { openStore } from './open-store.ts'
import type { Holder, Open, ServerPlace, Waits } from './rival.ts'

function oauth2Client({ clientId, clientSecret, issuer, tokenEndpoint }: ServerPlace, waits?: Waits): OAuth2Client {
  return new OAuth2Client({
    provider: { name: 'bench', server: { issuer, token_endpoint: tokenEndpoint } },
    clientId,
    clientSecret,
    ...(waits !== undefined && { timeoutMs: waits.timeoutMs }),
  })
}

const policyOf = (waits?: Waits): { policy?: Omit<Waits, 'timeoutMs'> } =>
  waits === undefined ? {} : { policy: { leaseMs: waits.leaseMs, settleMs: waits.settleMs } }

const holderOf = (session: OAuth2Session): Pick<Holder, 'get' | 'token'> => ({
  token: () => session.accessToken(),
  get: async (url) => drained(await session.fetch(url)),
})

/** Keeps what an application learns from events and from nothing else. */
function listen(source: Pick<OAuth2Session, 'on'>): () => readonly string[] {
  const told = new Set<string>()
  source.on('save_delayed', () => void told.add('save_delayed'))
  source.on('reauthorization_required', ({ reason }) => void told.add(`reauthorization_required (${reason})`))
  return () => [...told]
}

/** One grant in one process, with a token updater. */
export const openEvergrantSession: Open = async (server, keeping, seed, waits) => {
  const keep = await openKeep(keeping, seed)
  const session = new OAuth2Session(oauth2Client(server, waits), {
    token: await keep.load(),
    onToken: ({ accessToken, expiresAt = 0, receivedAt, refreshToken }) =>
      keep.save({ accessToken, refreshToken, receivedAt, expiresAt }),
    ...policyOf(waits),
  })
  return {
    ...holderOf(session),
    save: keep.save,
    setSaving: keep.setSaving,
    told: listen(session),
    close: () => session.close(),
  }
}

/** A grant that several processes share. */
export const openEvergrantGrants: Open = async (server, keeping, seed, waits) => {
  if (keeping.kind !== 'store') throw new Error('Expected a store.')
  const opened = openStore(keeping)
  const grants = new Grants({
    clients: { acme: oauth2Client(server, waits) },
    store: opened.store,
    keys: keyRing(keeping.keys),
    ...policyOf(waits),
  })
  if (seed !== undefined) await grants.save('acme', 'alice', seed)
  // A connection, before it is measured.
  await opened.store.read({ client: 'acme', subject: 'nobody', account: '' })
  return {
    ...holderOf(grants.session('acme', 'alice')),
    save: async (kept) => {
      await grants.save('acme', 'alice', kept)
    },
    setSaving: (works) => {
      if (opened.setWritable === undefined) throw new Error(`Expected SQLite, got ${keeping.store}.`)
      opened.setWritable(works)
    },
    told: listen(grants),
    close: async () => {
      await grants.close()
      await opened.close()
    },
  }
}
