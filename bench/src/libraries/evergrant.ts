import { DatabaseSync } from 'node:sqlite'

import type { Grants, GrantStore, OAuth2Client, OAuth2ClientOptions, OAuth2Session } from 'evergrant'

import type { ServerPlace } from '../server/protocol.ts'
import { undiciGet } from './bare.ts'
import { openKeep, type Keeping } from './keep.ts'
import { at, drained, type Holder, type Library, type Loaded, type Waits } from './library.ts'

async function clientOf(server: ServerPlace, options: Partial<OAuth2ClientOptions> = {}): Promise<OAuth2Client> {
  const { clientId, clientSecret, issuer, tokenEndpoint } = server
  const provider = { name: 'bench', server: { issuer, token_endpoint: tokenEndpoint } }
  return new (await import('evergrant')).OAuth2Client({ provider, clientId, clientSecret, ...options })
}

const timeoutOf = (waits?: Waits): { timeoutMs?: number } => (waits === undefined ? {} : { timeoutMs: waits.timeoutMs })

function policyOf(waits?: Waits): { policy?: Omit<Waits, 'timeoutMs'> } {
  return waits === undefined ? {} : { policy: { leaseMs: waits.leaseMs, settleMs: waits.settleMs } }
}

const openSession: Loaded['token'] & {} = async (server, token) => {
  const { OAuth2Session } = await import('evergrant')
  const session = new OAuth2Session(await clientOf(server), { token })
  await session.token()
  return { kind: 'promise', call: () => session.token() }
}

/** What an application learns from events and from nothing else. */
function listen(source: Pick<OAuth2Session, 'on'>): () => readonly string[] {
  const emitted = new Set<string>()
  source.on('save_delayed', () => void emitted.add('save_delayed'))
  source.on('reauthorization_required', ({ reason }) => void emitted.add(`reauthorization_required (${reason})`))
  return () => [...emitted]
}

/** One grant in one process, with a token updater. */
const session: Library = {
  name: 'Evergrant',
  how: 'OAuth2Session with onToken',
  calls: { request: 'Evergrant: session.fetch', token: 'Evergrant: session.token()' },
  load: async () => ({
    token: openSession,
    open: async (server, keeping, seed, waits) => {
      const { OAuth2Session } = await import('evergrant')
      const { load, save, setSaving } = await openKeep(keeping, seed)
      const session = new OAuth2Session(await clientOf(server, timeoutOf(waits)), {
        token: await load(),
        onToken: ({ accessToken, expiresAt = 0, receivedAt, refreshToken = '' }) =>
          save({ accessToken, refreshToken, receivedAt, expiresAt }),
        ...policyOf(waits),
      })
      return { ...holderOf(() => session), save, setSaving, events: listen(session), close: () => session.close() }
    },
  }),
}

/** The string alone, as a holder of a session has it. */
const accessToken: Library = {
  name: 'Evergrant: session.accessToken()',
  calls: { token: 'Evergrant: session.accessToken()' },
  load: async () => {
    const { open } = (await session.load?.()) ?? {}
    return open === undefined ? {} : { open }
  },
}

function holderOf(session: () => OAuth2Session): Pick<Holder, 'get' | 'token'> {
  return { token: () => session().accessToken(), get: async (url) => drained(await session().fetch(url)) }
}

type AcmeGrants = Grants<{ acme: OAuth2Client }>

async function openGrants(acme: OAuth2Client, store: GrantStore, keys: string, waits?: Waits): Promise<AcmeGrants> {
  const [{ Grants }, { keyRing }] = [await import('evergrant'), await import('evergrant/seal')]
  return new Grants({ clients: { acme }, store, keys: keyRing(keys), ...policyOf(waits) })
}

/** Grants that several processes share; the session is asked for at each use, as a request's handler does. */
const grants: Library = {
  name: 'Evergrant',
  how: 'Grants over a store',
  calls: { request: 'Evergrant: grants.session(…).fetch', token: 'Evergrant: grants.session(…).token()' },
  load: async () => ({
    open: async (server, keeping, seed, waits) => {
      const opened = await openStore(keeping)
      const grants = await openGrants(await clientOf(server, timeoutOf(waits)), opened.store, opened.keys, waits)
      if (seed !== undefined) await grants.save('acme', 'alice', seed)
      // A connection, before it is measured.
      await opened.store.read({ client: 'acme', subject: 'nobody', account: '' })
      return {
        ...holderOf(() => grants.session('acme', 'alice')),
        save: async (kept) => void (await grants.save('acme', 'alice', kept)),
        setSaving: opened.setSaving,
        events: listen(grants),
        close: async () => {
          await grants.close()
          await opened.close()
        },
      }
    },
    token: async (server, token) => {
      const { keys, store } = await openStore({ kind: 'memory' })
      const grants = await openGrants(await clientOf(server), store, keys)
      await grants.save('acme', 'alice', token)
      await grants.session('acme', 'alice').token()
      return { kind: 'promise', call: () => grants.session('acme', 'alice').token() }
    },
  }),
}

interface OpenedStore {
  readonly store: GrantStore
  readonly keys: string
  setSaving(works: boolean): void
  /** Ends the connection, after everything that uses the store has ended. */
  close(): Promise<void>
}

async function openStore(keeping: Keeping): Promise<OpenedStore> {
  const setSaving = (): void => {
    throw new Error('Expected SQLite.')
  }
  if (keeping.kind !== 'store') {
    const [{ memoryStore }, { generateKey }] = [await import('evergrant'), await import('evergrant/seal')]
    return { store: memoryStore(), keys: `k1:${generateKey()}`, setSaving, close: async () => undefined }
  }
  const { at, keys, space } = keeping
  if (keeping.store === 'SQLite') {
    const { sqliteStore } = await import('evergrant/sqlite')
    const database = new DatabaseSync(at)
    return {
      store: sqliteStore(database),
      keys,
      setSaving: (works) => database.exec(`PRAGMA query_only = ${works ? 'OFF' : 'ON'}`),
      close: async () => void (database.isOpen && database.close()),
    }
  }
  if (keeping.store === 'PostgreSQL') {
    const [{ postgresStore }, { Pool }] = [await import('evergrant/postgres'), await import('pg')]
    const pool = new Pool({ connectionString: at, max: 4 })
    pool.on('error', () => undefined)
    return { store: postgresStore(pool, { schema: space }), keys, setSaving, close: () => pool.end() }
  }
  const [{ redisStore }, { Redis }] = [await import('evergrant/redis'), await import('ioredis')]
  const redis = new Redis(at)
  redis.on('error', () => undefined)
  return { store: redisStore(redis, { prefix: space }), keys, setSaving, close: async () => redis.disconnect() }
}

const SAVED_AT_ONCE = 200

/** Grants whose tokens have expired: each call reads one from the store, opens, claims, redeems, seals and commits. */
function refreshing(store: 'memory' | 'SQLite', over: 'fetch' | 'undici'): Library {
  const where = store === 'memory' ? 'in memory, sealed' : 'on SQLite, sealed and durable'
  const label = `Evergrant: Grants ${where}${over === 'undici' ? ', undiciTransport' : ''}`
  return {
    name: label,
    calls: { refresh: label },
    load: async () => ({
      refresh: async (server, file) => {
        const keeping = { kind: 'store', store: 'SQLite', at: file, space: '', keys: '' } as const
        const opened = await openStore(store === 'memory' ? { kind: 'memory' } : keeping)
        const keys = `k1:${(await import('evergrant/seal')).generateKey()}`
        const client = await clientOf(server, over === 'undici' ? await undiciOptions() : {})
        // Others save than refresh, with a key ring of their own: no grant is in memory, and no key derived, before its call.
        const [saving, grants] = [
          await openGrants(client, opened.store, keys),
          await openGrants(client, opened.store, keys),
        ]
        let saved = 0
        return async (tokens) => {
          const subjects = tokens.map(() => `user-${(saved += 1)}`)
          // All at once they would wait for each other longer than a store may take.
          for (let from = 0; from < tokens.length; from += SAVED_AT_ONCE) {
            const some = tokens.slice(from, from + SAVED_AT_ONCE)
            await Promise.all(some.map((token, index) => saving.save('acme', at(subjects, from + index), token)))
          }
          return (index) => grants.session('acme', at(subjects, index)).token()
        }
      },
    }),
  }
}

async function undiciOptions(): Promise<Partial<OAuth2ClientOptions>> {
  const [{ undiciTransport }, { Agent }] = [await import('evergrant/undici'), await import('undici')]
  return { transport: undiciTransport(new Agent()) }
}

/** A session behind undici's own interface. */
const interceptor: Library = {
  name: 'Evergrant: withGrant',
  calls: { request: 'Evergrant: undici.request, withGrant' },
  load: async () => ({
    request: async (server, token) => {
      const [{ OAuth2Session }, { withGrant }] = [await import('evergrant'), await import('evergrant/undici')]
      const session = new OAuth2Session(await clientOf(server), { token })
      const { Agent } = await import('undici')
      return undiciGet(server.resource, { dispatcher: new Agent().compose(withGrant(session)) })
    },
  }),
}

/** One ring with one key; each grant has a context, and so a derived key, of its own. */
const sealing: Library = {
  name: 'Evergrant: keyRing',
  calls: { seal: 'Evergrant: keyRing' },
  load: async () => ({
    vault: async () => {
      const { generateKey, keyRing } = await import('evergrant/seal')
      const ring = keyRing(`k1:${generateKey()}`)
      const contextOf = (grant: number): string => JSON.stringify(['acme', `user-${grant}`, '', `login-${grant}`])
      return {
        seal: (text, grant) => ring.seal(text, contextOf(grant)),
        open: (sealed, grant) => ring.open(sealed, contextOf(grant)),
      }
    },
  }),
}

export const evergrant = {
  'evergrant-session': session,
  'evergrant-access-token': accessToken,
  'evergrant-grants': grants,
  'evergrant-undici': interceptor,
  'evergrant-seal': sealing,
  'evergrant-memory': refreshing('memory', 'fetch'),
  'evergrant-sqlite': refreshing('SQLite', 'fetch'),
  'evergrant-memory-undici': refreshing('memory', 'undici'),
  'evergrant-sqlite-undici': refreshing('SQLite', 'undici'),
} as const
