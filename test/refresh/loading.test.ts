import { beforeEach, expect, test, vi } from 'vitest'

import type { OAuth2Client } from '../../src/client/oauth2-client.ts'
import type { Grants } from '../../src/grants.ts'
import type * as index from '../../src/index.ts'

/** Whether something was sent or deleted whose result is not saved yet: then no part can be loaded here. */
const state = { sent: false }

vi.mock('../../src/util/lazy.ts', () => ({
  lazy: <T>(load: () => Promise<T>) => {
    let loaded: T | undefined
    return () => {
      if (loaded !== undefined) return loaded
      return state.sent ? Promise.reject(new Error(`Too late: ${load.toString()}`)) : load().then((it) => (loaded = it))
    }
  },
  loadAhead: () => undefined,
}))

const ISSUER = 'https://id.example'
const SERVER = {
  issuer: ISSUER,
  authorization_endpoint: `${ISSUER}/authorize`,
  token_endpoint: `${ISSUER}/token`,
  userinfo_endpoint: `${ISSUER}/user`,
  revocation_endpoint: `${ISSUER}/revoke`,
}

type World = Grants<{ acme: OAuth2Client }>

const seen: string[] = []
let brings: Record<string, unknown> = {}
let grants: World

/** A new process, which has loaded nothing. */
beforeEach(async () => {
  vi.resetModules()
  Object.assign(state, { sent: false })
  seen.length = 0
  brings = {}
  const { Grants: Made, OAuth2Client: Client, memoryStore }: typeof index = await import('../../src/index.ts')
  const acme = new Client({
    provider: { name: 'acme', server: SERVER, unsolicited: true },
    clientId: 'app',
    clientSecret: 'client-secret',
    redirectUri: 'https://app.example/callback',
    fetch: async (input) => {
      const path = new URL(input instanceof Request ? input.url : input).pathname
      seen.push(path)
      state.sent = true
      if (path === '/user') return Response.json({ sub: 'user-1' })
      if (path === '/revoke') return new Response()
      return Response.json({ access_token: `at-${seen.length}`, token_type: 'bearer', expires_in: 3600, ...brings })
    },
  })
  const store = memoryStore()
  const deleting = store.delete.bind(store)
  store.delete = async (...request) => {
    state.sent = true
    return deleting(...request)
  }
  grants = new Made({
    clients: { acme },
    store,
    background: 'none',
  })
})

function idToken(nonce?: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: ISSUER, sub: 'user-1', aud: 'app', iat: now, exp: now + 600, nonce }
  return [{ alg: 'RS256' }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
}

/** A grant that another process stored. */
async function stored(more: Record<string, unknown> = {}): Promise<void> {
  await grants.save('acme', 'alice', { access_token: 'at-0', refresh_token: 'rt-0', expires_in: 3600, ...more })
}

test.each([
  ['without an ID token', {}, {}],
  ['of a grant with an ID token', { id_token: idToken(), scope: 'openid' }, { id_token: idToken() }],
  ['that brings an unexpected ID token', {}, { id_token: idToken() }],
])('a refresh %s loads nothing between its request and the saved token', async (_, before, answer) => {
  await stored(before)
  brings = { ...answer, refresh_token: 'rt-1' }
  const { accessToken } = await grants.session('acme', 'alice').refresh()
  expect(seen).toEqual(['/token'])
  state.sent = false
  expect(await grants.session('acme', 'alice').token()).toMatchObject({ accessToken })
})

test.each([
  ['with an ID token', { scope: 'openid' }],
  ['with user info', {}],
])('a login %s loads nothing once its code was sent', async (_, options) => {
  const pending = await grants.connect('acme', undefined, options)
  const callback = new URL('https://app.example/callback?code=code-1')
  callback.searchParams.set('state', pending.state)
  if (pending.nonce !== undefined) brings = { id_token: idToken(pending.nonce) }
  const { identity } = await grants.complete(callback, pending, { subject: ({ sub }) => sub })
  expect(identity?.sub).toBe('user-1')
})

test('a login that the provider started loads nothing once its code was sent', async () => {
  const options = { unsolicited: true, client: 'acme', subject: ({ sub }: { sub: string }) => sub } as const
  const { identity } = await grants.complete('?code=code-1', undefined, options)
  expect(identity?.sub).toBe('user-1')
})

test('a disconnect loads nothing between the deletion and the revocation', async () => {
  await stored()
  await grants.disconnect('acme', 'alice')
  expect(seen).toEqual(['/revoke'])
})
