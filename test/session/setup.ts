import { OAuth2Client, type OAuth2ClientOptions } from '../../src/client/oauth2-client.ts'
import type { Provider } from '../../src/model/provider.ts'
import type { RefreshPolicy } from '../../src/refresh/policy.ts'
import { OAuth2Session } from '../../src/session.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { FakeServer } from '../refresh/fake-server.ts'
import { HOUR, settled } from '../refresh/setup.ts'

export const API = 'https://api.example'

/** One request to the API, as it was sent. */
export interface Sent {
  readonly url: string
  readonly method: string
  readonly token: string | undefined
  readonly headers: Headers
  readonly body: string
}

export type Resource = (sent: Sent, init: RequestInit) => Response | Promise<Response>

/** A session whose provider is in memory, and whose API is a function: its first token is `at-f-0`, old enough to be believed refused, the next `at-f-1`. */
export async function stage(
  resource: Resource,
  {
    provider = {},
    client = {},
    policy = {},
  }: { provider?: Partial<Provider>; client?: Partial<OAuth2ClientOptions>; policy?: RefreshPolicy } = {},
) {
  const clock = fakeClock()
  const server = new FakeServer()
  const sent: Sent[] = []
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    if (url.startsWith('https://as.example')) return server.fetch(input, init)
    // As a server would get it.
    const request = new Request(input, { duplex: 'half', ...init } as RequestInit)
    const { headers, method } = request
    const token = headers.get('authorization')?.replace('Bearer ', '')
    const entry = { url, method, headers, token, body: await request.text() }
    sent.push(entry)
    return resource(entry, init)
  }
  const made = new OAuth2Client({
    provider: { ...server.provider, ...provider },
    clientId: 'id',
    clientSecret: 'client-secret',
    clock,
    fetch,
    ...client,
  })
  const session = new OAuth2Session(made, {
    token: { ...server.issue(), expires_at: (clock.now() + HOUR) / 1000 },
    policy,
  })
  await session.token()
  await clock.advance(120_000)
  const settle = <T>(work: Promise<T>): Promise<T> => settled(clock, work)
  return { session, client: made, server, clock, sent, fetch: session.fetch, settle }
}
