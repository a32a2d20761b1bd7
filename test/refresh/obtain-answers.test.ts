import { expect, test } from 'vitest'
import type { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { OAuth2Session } from '../../src/session.ts'
import type { Token } from '../../src/model/token.ts'
import { settled, world } from './setup.ts'

test.each([undefined, null, 5, {}, { access_token: 'a' }, { accessToken: '' }])(
  'an obtain() that returns %j gets an error that says so, and blocks no other grant',
  async (wrong) => {
    const { clock, makeClient } = world()
    let answer: unknown = wrong
    const session = new OAuth2Session(makeClient(), { obtain: async (_client: OAuth2Client) => answer as Token })
    await expect(settled(clock, session.token())).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('obtain') as string,
    })
    answer = { accessToken: 'right', tokenType: 'bearer', receivedAt: clock.now() }
    expect((await settled(clock, session.token())).accessToken).toBe('right')
    await settled(clock, session.close())
  },
)
