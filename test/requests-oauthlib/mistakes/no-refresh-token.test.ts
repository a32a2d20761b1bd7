import { expect, test } from 'vitest'
import { ConfigError, Grants, importToken, ReauthorizationRequiredError } from '../../../src/index.ts'
import { HOUR, rejection, stage } from '../setup.ts'

test.each([undefined, null, ''])(
  'a refresh without refresh token (%j) is a ConfigError, and sends nothing',
  async (refreshToken) => {
    const { client, scripted } = stage()
    const token = importToken({ access_token: 'the-token', refresh_token: refreshToken })
    const error = await rejection(client.refresh(token))
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toContain('no refresh token')
    expect(scripted.requests).toEqual([])
  },
)

test.each([
  ['an hour', {}],
  ['of unknown lifetime', { expires_in: undefined }],
])('a manual refresh without refresh token does not end a grant whose token lives %s', async (_long, members) => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const verdicts: unknown[] = []
  grants.on('reauthorization_required', (event) => void verdicts.push(event))
  const issued = scripted.issue({ renewable: false })
  const session = await grants.save('acme', 'ann', { ...issued, ...members })
  const error = await rejection(session.refresh())
  expect(error).toBeInstanceOf(ConfigError)
  expect(error.message).toContain('no refresh token')
  expect(await session.status()).toMatchObject({ state: 'active', renewable: false })
  expect((await session.fetch(scripted.resource)).status).toBe(200)
  expect(scripted.tokenRequests).toEqual([])
  expect(verdicts).toEqual([])
  await grants.close()
})

test('a grant without refresh token ends when its access token has expired', async () => {
  const { client, clock, scripted } = stage()
  const grants = new Grants({ clients: { acme: client }, clock })
  const session = await grants.save('acme', 'ann', scripted.issue({ renewable: false }))
  await clock.advance(HOUR)
  for (const call of [() => session.refresh(), () => session.token(), () => session.fetch(scripted.resource)]) {
    const error = await rejection(call())
    expect(error).toBeInstanceOf(ReauthorizationRequiredError)
    expect(error).toMatchObject({ reason: 'no_refresh_token' })
  }
  expect(await grants.recheck()).toBe(0)
  expect(scripted.requests).toEqual([])
  await grants.close()
})
