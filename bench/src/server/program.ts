/** The server's program: as little as an authorization server and an API can do, so that what is measured is the client. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { Delays } from './delays.ts'
import { emptyStats, Grants } from './grants.ts'
import { DEFAULT_BEHAVIOUR, type Controls } from './protocol.ts'

const grants = new Grants(DEFAULT_BEHAVIOUR)
const delays = new Delays()
const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const RESOURCE = '{"ok":true}'
/** Of thousands of connections at once none must wait for a second attempt: that would be charged to the contestant. */
const BACKLOG = 20_000

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const { url = '' } = request
  if (url === '/resource') return resource(request, response)
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('end', () => {
    if (url === '/token') return token(request, response, body)
    if (url.startsWith('/control/')) return control(response, url.slice('/control/'.length), body)
    if (url.startsWith('/.well-known/')) return respond(response, 200, metadata(`http://${request.headers.host}`))
    respond(response, 404, {})
  })
})

function resource(request: IncomingMessage, response: ServerResponse): void {
  // Bodies are of no interest, but must be read for the connection to go on.
  request.resume()
  if (grants.authorised(request.headers.authorization)) respondText(response, 200, RESOURCE)
  else response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
}

function token(request: IncomingMessage, response: ServerResponse, body: string): void {
  grants.stats.tokenRequests += 1
  const { delayMs } = grants.behaviour
  if (delayMs === 0) redeem(request, response, body)
  else if (typeof delayMs === 'number') setTimeout(redeem, delayMs, request, response, body)
  else delays.after(delayMs, () => redeem(request, response, body))
}

function redeem(request: IncomingMessage, response: ServerResponse, body: string): void {
  const { fault, lifetimeS } = grants.behaviour
  if (fault === 'silent') return
  if (fault === 'unavailable') return respondText(response, 503, '')
  if (fault === 'invalid_grant') return respond(response, 400, { error: 'invalid_grant' })
  if (fault === 'cut_before') return void request.socket.destroy()
  const form = new URLSearchParams(body)
  if (form.get('grant_type') !== 'refresh_token') return respond(response, 400, { error: 'unsupported_grant_type' })
  const redeemed = grants.redeem(form.get('refresh_token') ?? '')
  if (fault === 'cut_after') return void request.socket.destroy()
  if (redeemed === undefined) return respond(response, 400, { error: 'invalid_grant' })
  const { accessToken, refreshToken } = redeemed
  const next = refreshToken === '' ? '' : `,"refresh_token":"${refreshToken}"`
  respondText(response, 200, `{"access_token":"${accessToken}","token_type":"Bearer","expires_in":${lifetimeS}${next}}`)
}

const CONTROLS: { readonly [Name in keyof Controls]: (order: Controls[Name][0]) => Controls[Name][1] } = {
  configure: (change) => {
    grants.behaviour = { ...grants.behaviour, ...change }
    return null
  },
  mint: ({ ageS, count }) => Array.from({ length: count }, () => grants.mint(ageS)),
  refuse: (accessToken) => {
    grants.refuse(accessToken)
    return null
  },
  redeem: (refreshToken) => {
    const redeemed = grants.redeem(refreshToken)
    if (redeemed === undefined) throw new Error('The grant has ended.')
    return { ...redeemed, receivedAt: Date.now() }
  },
  stats: () => grants.stats,
  reset: () => {
    grants.stats = emptyStats()
    return null
  },
}

function control(response: ServerResponse, name: string, body: string): void {
  const run = CONTROLS[name as keyof Controls] as (order: unknown) => unknown
  try {
    respond(response, 200, run(JSON.parse(body)))
  } catch {
    respond(response, 400, {})
  }
}

const metadata = (issuer: string): Record<string, unknown> => ({
  issuer,
  token_endpoint: `${issuer}/token`,
  authorization_endpoint: `${issuer}/authorize`,
  response_types_supported: ['code'],
  grant_types_supported: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  code_challenge_methods_supported: ['S256'],
})

function respond(response: ServerResponse, status: number, body: unknown): void {
  respondText(response, status, JSON.stringify(body))
}

function respondText(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { ...JSON_HEADERS, 'content-length': Buffer.byteLength(body) }).end(body)
}

server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () =>
  // The parent may have ended by now, which is no failure of this process.
  process.send?.((server.address() as { port: number }).port, () => undefined),
)
// However the parent ends, the server ends too.
process.on('disconnect', () => process.exit())
