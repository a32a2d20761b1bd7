import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as undici7 from 'undici'
import * as undici8 from 'undici-8'
import { afterEach } from 'vitest'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import type { RejectedAnswer } from '../../src/model/provider.ts'
import { OAuth2Session } from '../../src/session.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { withGrant } from '../../src/undici/index.ts'
import { FakeServer } from '../refresh/fake-server.ts'
import { HOUR } from '../refresh/setup.ts'

export type Undici = typeof undici7

/** The newest one needs a newer Node than the library does. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const newest = major > 22 || (major === 22 && minor >= 19)

/** Undici 7 supports two kinds of handlers, 8 only the newer one. */
export const UNDICI: readonly (readonly [string, Undici])[] = [
  ['undici 7', undici7],
  ...(newest ? ([['undici 8', undici8 as unknown as Undici]] as const) : []),
]

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

export function closing<T extends { close(): unknown }>(what: T): T {
  closers.push(() => what.close())
  return what
}

export interface Seen {
  readonly method: string
  readonly url: string
  readonly token: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An API of this machine, which records its requests. */
export interface Api {
  readonly origin: string
  readonly server: Server
  readonly seen: Seen[]
  connections: number
  /** Access tokens that get a 401. */
  refuses: (token: string | undefined) => boolean
  /** Sends a 401. */
  refuse: (response: ServerResponse) => void
  /** Sends every other response. */
  answer: (seen: Seen, response: ServerResponse) => void
}

export async function openApi(): Promise<Api> {
  const server = createServer((request, response) => {
    void read(request).then((body) => {
      const { headers, method = '', url = '' } = request
      const seen = { method, url, headers, body, token: headers.authorization?.replace('Bearer ', '') }
      api.seen.push(seen)
      if (api.refuses(seen.token)) api.refuse(response)
      else api.answer(seen, response)
    })
  })
  server.on('connection', () => (api.connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const api: Api = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen: [],
    connections: 0,
    refuses: () => false,
    refuse: (response) => response.writeHead(401).end('refused'),
    answer: ({ body, token }, response) => response.end(`${token} ${body}`),
  }
  return api
}

async function read(request: IncomingMessage): Promise<string> {
  let body = ''
  try {
    for await (const chunk of request) body += String(chunk)
  } catch {
    // The client left.
  }
  return body
}

/** A session of a grant whose provider is in memory. Its first token is `at-f-0`, the next one `at-f-1`. */
export function openSession(
  origin: string,
  options: { retry401?: boolean; lifetimeMs?: number; rejected?: readonly RejectedAnswer[] } = {},
) {
  const clock = fakeClock()
  const provider = new FakeServer()
  const client = new OAuth2Client({
    provider: { ...provider.provider, ...(options.rejected !== undefined && { rejected: options.rejected }) },
    clientId: 'id',
    clientSecret: 'client-secret',
    clock,
    fetch: provider.fetch,
    resourceOrigins: [origin],
  })
  const { lifetimeMs = HOUR, retry401 } = options
  const session = new OAuth2Session(client, {
    token: { ...provider.issue(), expires_at: (clock.now() + lifetimeMs) / 1000 },
    ...(retry401 !== undefined && { policy: { retry401 } }),
  })
  return { session, provider, clock, client }
}

/** An API, a session that may send there, and an agent that does. */
export async function stage({ Agent }: Undici, options: Parameters<typeof openSession>[1] = {}) {
  const api = await openApi()
  const opened = openSession(api.origin, options)
  const agent = closing(new Agent())
  return { ...opened, api, agent, dispatcher: agent.compose(withGrant(opened.session)) }
}

/** A token that is old enough to be replaced after a 401. */
export const OLD_MS = 120_000
