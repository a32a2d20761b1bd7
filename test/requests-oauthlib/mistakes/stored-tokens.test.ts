import { expect, test } from 'vitest'
import { Grants, importToken, OAuth2Session } from '../../../src/index.ts'
import { HOUR, stage, wayNames, ways } from '../setup.ts'

const now = Date.UTC(2026, 0, 1)

const stored = { access_token: 'the-token', refresh_token: 'the-refresh-token', expires_in: 3600 }

test('a stored token that has only expires_in counts from when it was received, where the caller knows that', () => {
  expect(importToken(stored, { now: now - HOUR / 2 }).expiresAt).toBe(now + HOUR / 2)
  expect(importToken(stored, { now: now - 2 * HOUR }).expiresAt).toBe(now - HOUR)
})

test('a stored token that has only expires_in counts from its first loading, and what the library keeps of it never starts again', async () => {
  const { client, clock } = stage()
  const kept = JSON.stringify(importToken(stored, { now: clock.now() }))
  const expiresAt = clock.now() + HOUR
  for (const ms of [HOUR / 4, HOUR / 4]) {
    await clock.advance(ms)
    const session = new OAuth2Session(client, { token: JSON.parse(kept) as object })
    expect((await session.token()).expiresAt).toBe(expiresAt)
  }
})

test('a stored token that has only expires_in has an end in the store, which other processes go by', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const issued = scripted.issue()
  const session = await grants.save('acme', 'ann', issued)
  const end = clock.now() + HOUR
  expect(await grants.status('acme', 'ann')).toMatchObject({ expiresAt: end })
  await clock.advance(HOUR - 1)
  expect(await grants.status('acme', 'ann')).toMatchObject({ expiresAt: end })
  expect(await session.accessToken()).not.toBe(issued.access_token)
  await grants.close()
})

test.each([
  ['2026-01-01T01:00:00Z', HOUR],
  ['2026-01-01T01:00:00.250Z', HOUR + 250],
  ['2026-01-01T03:00:00+02:00', HOUR],
  ['2026-01-01 01:00:00', HOUR],
  ['2025-12-31T23:00:00Z', -HOUR],
])('a stored token whose expires_at is a date (%s) ends then', (date, after) => {
  expect(importToken({ access_token: 'the-token', expires_at: date }, { now }).expiresAt).toBe(now + after)
})

test('a stored token whose expires_at is a date that is past is refreshed, not used forever', async () => {
  const { scripted, session } = stage()
  const held = session({ expires_at: '2025-12-31T23:59:59Z', expires_in: undefined })
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  expect(scripted.stats.redemptions).toBe(1)
  expect(await held.accessToken()).not.toBe(held.issued.access_token)
})

test('a stored token whose expires_at is a date that is to come is not refreshed before, but then', async () => {
  const { clock, scripted, session } = stage()
  const held = session({ expires_at: '2026-01-01T01:00:00Z', expires_in: undefined })
  expect(await held.accessToken()).toBe(held.issued.access_token)
  await clock.advance(HOUR)
  expect(await held.accessToken()).not.toBe(held.issued.access_token)
  expect(scripted.stats.redemptions).toBe(1)
})

const forms = [
  ['3600', HOUR],
  ['3600.5', HOUR + 500],
  [' 3600 ', HOUR],
  ['3.6e3', HOUR],
  ['0', 0],
  ['-5', 0],
  ['abc', undefined],
  ['3600s', undefined],
  ['', undefined],
] as const

test.each(forms)(
  'a string as expires_in (%j) of a stored token is its value or unknown, and the token is accepted',
  (text, lifetime) => {
    const token = importToken({ access_token: 'the-token', refresh_token: 'r', expires_in: text }, { now })
    expect(token.accessToken).toBe('the-token')
    expect(token.expiresAt).toBe(lifetime === undefined ? undefined : now + lifetime)
  },
)

test.each(wayNames.flatMap((way) => forms.map(([text, lifetime]) => [way, text, lifetime] as const)))(
  'a string as expires_in at %s (%j) is its value or unknown, and the response is accepted',
  async (way, text, lifetime) => {
    const on = stage({ now })
    on.scripted.script({
      body: { access_token: 'the-token', refresh_token: 'r', token_type: 'Bearer', expires_in: text },
    })
    const token = await ways[way]!(on)
    expect(token.accessToken).toBe('the-token')
    expect(token.expiresAt).toBe(lifetime === undefined ? undefined : now + lifetime)
  },
)

test('a token type of null in a stored token is bearer: the token is used like any other', async () => {
  const { scripted, session } = stage()
  const held = session({ token_type: null })
  expect(await held.token()).toMatchObject({ tokenType: 'bearer' })
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  expect(scripted.requests[0]!.headers.get('authorization')).toBe(`Bearer ${held.issued.access_token}`)
})

test('a token type of null in a response is bearer: the request goes out', async () => {
  const { scripted, session } = stage()
  scripted.script(async (_request, byRules) => ({
    body: { ...((await (await byRules()).json()) as object), token_type: null },
  }))
  const held = session({ expires_in: 0 })
  expect((await held.fetch(scripted.resource)).status).toBe(200)
  expect(await held.token()).toMatchObject({ tokenType: 'bearer' })
})
