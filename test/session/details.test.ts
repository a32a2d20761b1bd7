import { expect, test } from 'vitest'
import { TOKEN_ORIGIN } from '../../src/client/token-origin.ts'
import { makeToken } from '../../src/model/token.ts'
import { connected, settled, world } from '../refresh/setup.ts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const idToken = `${part({ alg: 'none' })}.${part({ sub: 'alice', email: 'a@example.com' })}.`

test('details() returns what came with the tokens, and no refresh token', async () => {
  const { clock, process, server } = world()
  const grants = process()
  const second = { accessToken: 'xoxp', tokenType: 'bearer', receivedAt: 1, refreshToken: 'the second refresh token' }
  const session = await grants.save('acme', 'f', {
    accessToken: 'at',
    tokenType: 'bearer',
    receivedAt: clock.now(),
    refreshToken: server.issue().refresh_token,
    scope: ['read'],
    idToken,
    extra: {
      instance_url: 'https://eu1.example',
      authed_user: second,
      list: [1],
      [TOKEN_ORIGIN]: 'https://eu.example',
    },
  })
  const details = await session.details()
  const shown = makeToken({ ...second, refreshToken: undefined })
  expect(details).toEqual({
    claims: { sub: 'alice', email: 'a@example.com' },
    extra: { instance_url: 'https://eu1.example', authed_user: shown as never, list: [1] },
    scope: ['read'],
  })
  expect(JSON.stringify(details)).not.toMatch(/second refresh token|rt-f-0/)
  expect((await session.details({ idToken: true })).idToken).toBe(idToken)
  expect((await session.token()).accessToken).toBe('at')
})

test('details() works for a grant without details, and for no grant', async () => {
  const { clock, process, server } = world()
  const grants = process()
  const session = await connected(grants, server, clock)
  expect(await session.details()).toEqual({ extra: {}, scope: ['read'] })
  await settled(clock, grants.disconnect('acme', 'f'))
  await expect(session.details()).rejects.toMatchObject({ code: 'grant_not_found' })
})
