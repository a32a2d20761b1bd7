import { expect, test } from 'vitest'
import { AuthorizationError, CallbackError, Grants, isEvergrantError } from '../../../src/index.ts'
import type { ScriptedAnswer } from '../../../src/testing/index.ts'
import { rejection, stage } from '../setup.ts'

const refusals: readonly (readonly [what: string, answer: ScriptedAnswer])[] = [
  ['a code that the provider refuses', { status: 400, body: { error: 'invalid_grant' } }],
  ['an error under status 200', { body: { error: 'bad_verification_code' } }],
  ['a page of HTML', { headers: { 'content-type': 'text/html' }, body: '<html><body>Oops</body></html>' }],
  ['an empty response', { body: '' }],
  ['a response without access token', { body: { token_type: 'Bearer', refresh_token: 'half a response' } }],
  ['a token of another type', { body: { access_token: 'half a response', token_type: 'mac' } }],
  ['a provider that is down', { status: 503 }],
  ['a provider that can’t be reached', 'unreachable'],
  ['a response that is lost', 'answer_lost'],
]

test.each(refusals)(
  'a login that fails at the code exchange with %s takes nothing from the grant that is there',
  async (_what, answer) => {
    const { client, clock, scripted } = stage()
    const grants = new Grants({ clients: { acme: client }, clock })
    const issued = scripted.issue({ scope: 'read' })
    const session = await grants.save('acme', 'ann', issued)
    const before = await grants.status('acme', 'ann')

    const pending = Object.freeze(await grants.connect('acme', 'ann'))
    const written = JSON.stringify(pending)
    scripted.script(answer)
    const error = await rejection(grants.complete(scripted.login(pending.url), pending, { subject: 'ann' }))
    expect(isEvergrantError(error)).toBe(true)
    expect(JSON.stringify(pending)).toBe(written)

    expect(await grants.status('acme', 'ann')).toEqual(before)
    expect(await session.accessToken()).toBe(issued.access_token)
    expect((await session.fetch(scripted.resource)).status).toBe(200)
    expect(scripted.requests.at(-1)!.headers.get('authorization')).toBe(`Bearer ${issued.access_token}`)
    await session.refresh()
    expect(scripted.tokenRequests.at(-1)!.params.get('refresh_token')).toBe(issued.refresh_token)
    expect((await session.fetch(scripted.resource)).status).toBe(200)
    await grants.close()
  },
)

test.each(refusals)(
  'a login that fails at the code exchange with %s leaves nothing where nothing was',
  async (_what, answer) => {
    const { client, clock, scripted } = stage()
    const grants = new Grants({ clients: { acme: client }, clock })
    const pending = await grants.connect('acme', 'ann')
    scripted.script(answer)
    await rejection(grants.complete(scripted.login(pending.url), pending, { subject: 'ann' }))
    expect(await grants.status('acme', 'ann')).toBeUndefined()
    const again = await grants.connect('acme', 'ann')
    const { session } = await grants.complete(scripted.login(again.url), again, { subject: 'ann' })
    expect((await session.fetch(scripted.resource)).status).toBe(200)
    await grants.close()
  },
)

test('a pending login is not used up by a callback of another login', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const pending = await grants.connect('acme', 'ann')
  const callback = scripted.login(pending.url)
  for (const strange of ['/callback?code=abc&state=another', '/callback', `${callback}&code=second`]) {
    const error = await rejection(grants.complete(strange, pending, { subject: 'ann' }))
    expect(error).toBeInstanceOf(CallbackError)
  }
  expect(await rejection(grants.complete(callback, pending, { subject: 'bob' }))).toMatchObject({
    code: 'wrong_subject',
  })
  const { session } = await grants.complete(callback, pending, { subject: 'ann' })
  expect((await session.fetch(scripted.resource)).status).toBe(200)
  await grants.close()
})

test('a pending login that the user declined leaves the grant as it was', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const issued = scripted.issue()
  const session = await grants.save('acme', 'ann', issued)
  const pending = await grants.connect('acme', 'ann')
  const callback = new URL(scripted.login(pending.url))
  callback.searchParams.delete('code')
  callback.searchParams.set('error', 'access_denied')
  const error = await rejection(grants.complete(callback, pending, { subject: 'ann' }))
  expect(error).toBeInstanceOf(AuthorizationError)
  expect(await session.accessToken()).toBe(issued.access_token)
  expect(scripted.tokenRequests).toEqual([])
  await grants.close()
})

test('a pending login is used once: its callback can’t come again, also when its code was refused', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const pending = await grants.connect('acme', 'ann')
  const callback = scripted.login(pending.url)
  scripted.script({ status: 400, body: { error: 'invalid_grant' } })
  await rejection(grants.complete(callback, pending, { subject: 'ann' }))
  expect(await rejection(grants.complete(callback, pending, { subject: 'ann' }))).toMatchObject({
    code: 'already_used',
  })
  expect(scripted.tokenRequests).toHaveLength(1)
  await grants.close()
})
