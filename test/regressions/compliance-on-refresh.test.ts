import { describe, expect, test } from 'vitest'
import { Grants, type Provider } from '../../src/index.ts'
import type { ScriptedAnswer } from '../../src/testing/index.ts'
import { HOUR, rejection, stage } from '../seed/stage.ts'

const json = (body: object): ScriptedAnswer => ({ body })
const form = (body: string, type: string): ScriptedAnswer => ({ headers: { 'content-type': type }, body })

/** What strange providers answer, as told of each; all of it means the same token. */
const strange: readonly (readonly [what: string, answer: ScriptedAnswer, provider?: Partial<Provider>])[] = [
  ['camel case', json({ accessToken: 'T', tokenType: 'Bearer', expiresIn: 3600, refreshToken: 'R' })],
  ['a form in plain text', form('access_token=T&expires=3600&refresh_token=R', 'text/plain')],
  ['a form without type', form('access_token=T&expires_in=3600&refresh_token=R', '')],
  ['JSON as HTML', form('{"access_token":"T","expires_in":3600,"refresh_token":"R"}', 'text/html')],
  ['no token type', json({ access_token: 'T', expires_in: 3600, refresh_token: 'R' })],
  ['a null token type', json({ access_token: 'T', token_type: null, expires_in: 3600, refresh_token: 'R' })],
  [
    'a token type of its own',
    json({ access_token: 'T', token_type: 'User Access Token', expires_in: 3600, refresh_token: 'R' }),
    { tokenTypes: ['user access token'] },
  ],
  ['a null scope', json({ access_token: 'T', scope: null, expires_in: 3600, refresh_token: 'R' })],
  ['a list of scopes', json({ access_token: 'T', scope: ['read'], expires_in: 3600, refresh_token: 'R' })],
  ['a lifetime in a string', json({ access_token: 'T', expires_in: '3600', refresh_token: 'R' })],
  ['status 201', { status: 201, body: { access_token: 'T', expires_in: 3600, refresh_token: 'R' } }],
  ['a nested answer', json({ data: { access_token: 'T', expires_in: 3600, refresh_token: 'R' } })],
]

describe.each(strange)('a provider that answers with %s', (_what, answer, provider = {}) => {
  test('is understood at the log-in and at the refresh alike', async () => {
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
