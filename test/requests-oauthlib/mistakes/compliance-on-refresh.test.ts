import { describe, expect, test } from 'vitest'
import { Grants, type Provider } from '../../../src/index.ts'
import type { ScriptedAnswer } from '../../../src/testing/index.ts'
import { HOUR, rejection, stage } from '../setup.ts'

const json = (body: object): ScriptedAnswer => ({ body })
const form = (body: string, type: string): ScriptedAnswer => ({ headers: { 'content-type': type }, body })

/** Responses of unusual providers, as reported for each. All of them mean the same token. */
const strange: readonly {
  readonly what: string
  readonly answer: ScriptedAnswer
  readonly provider?: Partial<Provider>
}[] = [
  { what: 'camel case', answer: json({ accessToken: 'T', tokenType: 'Bearer', expiresIn: 3600, refreshToken: 'R' }) },
  { what: 'a form in plain text', answer: form('access_token=T&expires=3600&refresh_token=R', 'text/plain') },
  { what: 'a form without type', answer: form('access_token=T&expires_in=3600&refresh_token=R', '') },
  { what: 'JSON as HTML', answer: form('{"access_token":"T","expires_in":3600,"refresh_token":"R"}', 'text/html') },
  { what: 'no token type', answer: json({ access_token: 'T', expires_in: 3600, refresh_token: 'R' }) },
  {
    what: 'a null token type',
    answer: json({ access_token: 'T', token_type: null, expires_in: 3600, refresh_token: 'R' }),
  },
  {
    what: 'a token type of its own',
    answer: json({ access_token: 'T', token_type: 'User Access Token', expires_in: 3600, refresh_token: 'R' }),
    provider: { tokenTypes: ['user access token'] },
  },
  { what: 'a null scope', answer: json({ access_token: 'T', scope: null, expires_in: 3600, refresh_token: 'R' }) },
  {
    what: 'a list of scopes',
    answer: json({ access_token: 'T', scope: ['read'], expires_in: 3600, refresh_token: 'R' }),
  },
  { what: 'a lifetime in a string', answer: json({ access_token: 'T', expires_in: '3600', refresh_token: 'R' }) },
  { what: 'status 201', answer: { status: 201, body: { access_token: 'T', expires_in: 3600, refresh_token: 'R' } } },
  { what: 'a nested answer', answer: json({ data: { access_token: 'T', expires_in: 3600, refresh_token: 'R' } }) },
]

describe.each(strange)('a provider that responds with $what', ({ answer, provider = {} }) => {
  test('is understood at the login and at the refresh alike', async () => {
    const { client, clock, scripted } = stage({ provider })
    const grants = new Grants({ clients: { acme: client }, clock })
    const pending = await grants.connect('acme', 'ann', { scope: 'read' })
    scripted.script(answer)
    const { session } = await grants.complete(scripted.login(pending.url), pending, { subject: 'ann' })
    const token = { accessToken: 'T', tokenType: 'bearer', scope: ['read'] }
    expect(await session.token()).toEqual(expect.objectContaining({ ...token, expiresAt: clock.now() + HOUR }))

    await clock.advance(HOUR)
    scripted.script(answer)
    expect(await session.token()).toEqual(expect.objectContaining({ ...token, expiresAt: clock.now() + HOUR }))
    expect(await session.status()).toMatchObject({ state: 'active', renewable: true })

    await clock.advance(HOUR)
    scripted.script(answer)
    await session.token()
    expect(scripted.tokenRequests.map(({ params }) => params.get('refresh_token'))).toEqual([null, 'R', 'R'])
    await grants.close()
  })
})

test.each<[what: string, answer: ScriptedAnswer]>([
  ['a list of errors', { status: 400, body: { errors: [{ errorType: 'invalid_grant' }], success: false } }],
  ['an error as an object', { status: 400, body: { error: { code: 'invalid_grant', message: 'Expired' } } }],
  ['an error under status 200', { body: { error: 'bad_refresh_token' } }],
  ['an error in plain text', { status: 400, headers: { 'content-type': 'text/plain' }, body: 'error=invalid_grant' }],
])('a provider that refuses with %s is understood at a refresh: the grant has ended', async (_what, answer) => {
  const { scripted, session } = stage()
  scripted.script(answer)
  const error = await rejection(session({ expires_in: 0 }).token())
  expect(error).toMatchObject({ code: 'reauthorization_required', reason: 'revoked' })
})
