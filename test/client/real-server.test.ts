import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { rejection } from './setup.ts'

/** A secret that shows every mistake in encoding. */
const secret = 'a b%:+~-_.!*()'

let server: Server
let issuer: string

beforeAll(async () => {
  // It says at length that it is set up for a test.
  for (const level of ['info', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => {})
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const registration = (method: 'client_secret_basic' | 'client_secret_post') => ({
    client_id: `m2m ${method}`,
    client_secret: secret,
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  })
  const provider = new Provider(issuer, {
    clients: [registration('client_secret_basic'), registration('client_secret_post')],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
    },
    scopes: ['jobs'],
  })
  server.on('request', (request, response) => void provider.callback()(request, response))
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

describe.each(['client_secret_basic', 'client_secret_post'] as const)(
  'at a real authorization server, with %s,',
  (clientAuth) => {
    const makeClient = (clientSecret: string): OAuth2Client =>
      new OAuth2Client({
        provider: { name: 'oidc', server: issuer },
        clientId: `m2m ${clientAuth}`,
        clientSecret,
        clientAuth,
      })

    test('a token is discovered the way to, had, introspected and revoked', async () => {
      const client = makeClient(secret)
      const token = await client.clientCredentials({ scope: 'jobs' })
      expect(token).toMatchObject({ tokenType: 'bearer', scope: ['jobs'] })
      expect(await client.introspect(token)).toMatchObject({ active: true, client_id: `m2m ${clientAuth}` })
      await client.revoke(token)
      await client.revoke(token)
      expect(await client.introspect(token)).toEqual({ active: false })
    })

    test('a wrong secret is invalid_client', async () => {
      const error = await rejection(makeClient('wrong').clientCredentials())
      expect(error).toMatchObject({ name: 'TokenRequestError', status: 401, error: 'invalid_client' })
    })
  },
)
