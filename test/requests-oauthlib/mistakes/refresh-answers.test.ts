import { expect, test } from 'vitest'
import { Grants, memoryStore, OAuth2Session, type GrantEvents, type Token } from '../../../src/index.ts'
import { HOUR, stage, type Stage } from '../setup.ts'

/** A session on a spent token, and everything that its token updater was given. */
function spent(on: Stage) {
  const kept: Token[] = []
  const session = on.session({ expires_in: 0 }, { onToken: (token) => void kept.push(token) })
  return { session, kept }
}

test('a refresh response without expires_in gives a token of unknown lifetime, without the old expiry', async () => {
  const on = stage()
  const { session, kept } = spent(on)
  on.scripted.script({ body: { access_token: 'new-access', token_type: 'Bearer' } })
  expect(await session.token()).toMatchObject({ accessToken: 'new-access' })
  expect('expiresAt' in (await session.token())).toBe(false)
  expect(kept.map((token) => [token.accessToken, 'expiresAt' in token])).toEqual([['new-access', false]])
  expect((await session.status()).expiresAt).toBeUndefined()
  for (let call = 0; call < 5; call += 1) {
    await on.clock.advance(24 * HOUR)
    expect(await session.accessToken()).toBe('new-access')
  }
  expect(on.scripted.tokenRequests).toHaveLength(1)
})

test('a refresh response without expires_in gives a token that is refreshed when a resource rejects it', async () => {
  const on = stage()
  const { session } = spent(on)
  on.scripted.script({ body: { access_token: 'refused by the resource', token_type: 'Bearer' } })
  await session.token()
  await on.clock.advance(HOUR)
  expect((await session.fetch(on.scripted.resource)).status).toBe(200)
  expect(on.scripted.tokenRequests).toHaveLength(2)
})

test('a refresh response without expires_in gives the provider’s default lifetime, where its data has one', async () => {
  const on = stage({ provider: { refresh: { defaultLifetimeMs: HOUR } } })
  const { session } = spent(on)
  on.scripted.script({ body: { access_token: 'new-access', token_type: 'Bearer' } })
  expect((await session.token()).expiresAt).toBe(on.clock.now() + HOUR)
})

test('a login response without expires_in gives a token that works, though an expired one was stored', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  await grants.save('acme', 'ann', { ...scripted.issue(), expires_in: -1 })
  const pending = await grants.connect('acme', 'ann')
  scripted.script({ body: { access_token: 'new-access', refresh_token: 'new-refresh', token_type: 'Bearer' } })
  const { session } = await grants.complete(scripted.login(pending.url), pending, { subject: 'ann' })
  expect(await session.accessToken()).toBe('new-access')
  expect((await session.status()).expiresAt).toBeUndefined()
  expect(scripted.tokenRequests).toHaveLength(1)
  await grants.close()
})

test.each([
  ['absent', undefined],
  ['null', null],
  ['empty', ''],
  ['false', false],
])(
  'a refresh response without a new refresh token (%s) keeps the old one, in memory, for the token updater and in the store',
  async (_how, member) => {
    const on = stage({ rules: { rotates: false } })
    const store = memoryStore({ clock: on.clock })
    const issued = on.scripted.issue({ scope: 'read' })
    const answer = { access_token: 'new-access', token_type: 'Bearer', expires_in: 3600, refresh_token: member }

    const kept: Token[] = []
    const own = new OAuth2Session(on.client, { token: issued, onToken: (token) => void kept.push(token) })
    on.scripted.script({ body: answer })
    await own.refresh()
    expect(kept[0]).toMatchObject({ accessToken: 'new-access', refreshToken: issued.refresh_token })
    await own.refresh()

    const grants = new Grants({ clients: { acme: on.client }, store, clock: on.clock })
    on.scripted.script({ body: answer })
    await (await grants.save('acme', 'ann', issued)).refresh()
    const elsewhere = new Grants({ clients: { acme: on.client }, store, clock: on.clock }).session('acme', 'ann')
    expect(await elsewhere.accessToken()).toBe('new-access')
    expect((await elsewhere.status()).renewable).toBe(true)
    await elsewhere.refresh()
    expect(on.scripted.tokenRequests.map(({ params }) => params.get('refresh_token'))).toEqual(
      Array.from({ length: 4 }, () => issued.refresh_token),
    )
  },
)

test.each([
  ['narrower', 'read', ['read']],
  ['wider', 'read write admin', ['read', 'write', 'admin']],
  ['empty', '', ['read', 'write']],
  ['null', null, ['read', 'write']],
  ['a list', ['write'], ['write']],
])(
  'a refresh response with another scope (%s) keeps the rotated refresh token, and the request goes out',
  async (_how, scope, granted) => {
    const { client, scripted } = stage()
    const issued = scripted.issue({ scope: 'read write' })
    const kept: Token[] = []
    const session = new OAuth2Session(client, {
      token: { ...issued, expires_in: 0 },
      onToken: (token) => void kept.push(token),
    })
    const told: GrantEvents['refreshed'][] = []
    session.on('refreshed', (event) => void told.push(event))
    scripted.script(async (_request, byRules) => {
      const answer = (await (await byRules()).json()) as object
      return { body: { ...answer, scope } }
    })
    expect((await session.fetch(scripted.resource)).status).toBe(200)
    expect(kept).toHaveLength(1)
    expect(kept[0]!.scope).toEqual(granted)
    expect(kept[0]!.refreshToken).not.toBe(issued.refresh_token)
    expect(told[0]!.scopeChanged).toBe(granted.join(' ') === 'read write' ? undefined : true)
    // The provider revokes the grant when a consumed refresh token comes again.
    await session.refresh()
    expect(scripted.stats).toMatchObject({ redemptions: 2, reuses: 0 })
  },
)

test('a scope separated by commas, where the provider separates so, is the same scope', async () => {
  const on = stage({ provider: { scopeSeparator: ',' } })
  const session = new OAuth2Session(on.client, { token: on.scripted.issue({ scope: 'read write' }) })
  const told: GrantEvents['refreshed'][] = []
  session.on('refreshed', (event) => void told.push(event))
  on.scripted.script({ body: { access_token: 'new-access', scope: 'write,read' } })
  expect((await session.refresh()).scope).toEqual(['write', 'read'])
  expect(told.map(({ scopeChanged }) => scopeChanged)).toEqual([undefined])
})

test.each([0, '0', -1, '-3.5'])(
  'a token with expires_in 0 (%j) is returned to the callers of its refresh, and has expired for the next',
  async (expiresIn) => {
    const on = stage()
    const { session } = spent(on)
    on.scripted.script(async (_request, byRules) => ({
      body: { ...((await (await byRules()).json()) as object), expires_in: expiresIn },
    }))
    const answers = await Promise.all([session.token(), session.token()])
    expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(1)
    expect(answers[0].expiresAt).toBe(on.clock.now())
    expect(on.scripted.tokenRequests).toHaveLength(1)
    await on.clock.advance(1000)
    expect(await session.accessToken()).not.toBe(answers[0].accessToken)
    expect(on.scripted.tokenRequests).toHaveLength(2)
  },
)

test('expires_in 0 in every refresh response sends no caller into a loop, and costs at most one refresh a second', async () => {
  const on = stage({ rules: { expiresIn: 0 } })
  const { session } = spent(on)
  await session.token()
  const second = session.token()
  await on.clock.advance(999)
  expect(on.scripted.tokenRequests).toHaveLength(1)
  await on.clock.advance(1)
  await second
  expect(on.scripted.tokenRequests).toHaveLength(2)
})

test('a lifetime that is no number is not taken for 0', async () => {
  for (const expiresIn of [true, 'abc', {}, []]) {
    const on = stage()
    const { session } = spent(on)
    on.scripted.script({ body: { access_token: 'new-access', expires_in: expiresIn } })
    expect('expiresAt' in (await session.token())).toBe(false)
  }
})
