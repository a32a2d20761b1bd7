import { expect, test } from 'vitest'
import { importToken, type ClientAuth, type OAuth2ClientOptions } from '../../../src/index.ts'
import { basic, stage } from '../setup.ts'

const own: ClientAuth = ({ body, headers, clientSecret }) => {
  headers.set('x-client-secret', clientSecret ?? '')
  body.set('client_key', 'own')
}

interface Expected {
  readonly authorization?: string
  readonly own?: string
  readonly form?: Record<string, string>
}

test.each<[how: string, client: Partial<OAuth2ClientOptions>, expected: Expected]>([
  ['by default', {}, { authorization: basic('client-id', 'client-secret') }],
  [
    'with id and secret encoded',
    { clientSecret: 'a+b/c=%:é', clientId: 'id:1' },
    { authorization: basic('id%3A1', 'a%2Bb%2Fc%3D%25%3A%C3%A9') },
  ],
  [
    'with id and secret as they are',
    { clientSecret: 'a+b/c=%', clientAuth: 'client_secret_basic_raw' },
    { authorization: basic('client-id', 'a+b/c=%') },
  ],
  [
    'in the body',
    { clientAuth: 'client_secret_post' },
    { form: { client_id: 'client-id', client_secret: 'client-secret' } },
  ],
  ['by its id', { clientSecret: undefined }, { form: { client_id: 'client-id' } }],
  ['in its own way', { clientAuth: own }, { own: 'client-secret', form: { client_key: 'own' } }],
])(
  'the client authenticates at a refresh as it does at a code exchange, a service’s request and a revocation: %s',
  async (_how, options, expected) => {
    const { client, clock, scripted } = stage({ client: options })
    const pending = await client.authorizationRequest()
    await client.exchangeCode(scripted.login(pending.url), pending)
    await client.refresh(importToken(scripted.issue(), { now: clock.now() }))
    await client.revoke('the-token')
    if (options.clientSecret !== undefined || !('clientSecret' in options)) await client.clientCredentials()
    const seen = scripted.requests.map(({ headers, params }) => ({
      authorization: headers.get('authorization') ?? undefined,
      own: headers.get('x-client-secret') ?? undefined,
      form: Object.fromEntries([...params].filter(([name]) => name.startsWith('client_'))),
    }))
    expect(seen.length).toBeGreaterThanOrEqual(3)
    for (const each of seen) expect(each).toEqual({ authorization: undefined, own: undefined, form: {}, ...expected })
  },
)

test('the client authenticates in the same way when the session refreshes automatically', async () => {
  const { scripted, session } = stage()
  await session({ expires_in: 0 }).fetch(scripted.resource)
  const [refresh, resource] = scripted.requests
  expect(refresh!.headers.get('authorization')).toBe(basic('client-id', 'client-secret'))
  expect(resource!.headers.get('authorization')).toMatch(/^Bearer /)
})
