/** The server's program: as little as an authorization server and an API can do, so that what is measured is the client. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Grants, INVALID_GRANT } from './grants.ts'
import { DEFAULT_BEHAVIOUR, type Behaviour, type MintOrder } from './protocol.ts'

const grants = new Grants(DEFAULT_BEHAVIOUR)
const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const RESOURCE = '{"ok":true}'

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url === '/resource') return resource(request, response)
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => (body += chunk))
  request.on('end', () =>
    request.url === '/token' ? token(request, response, body) : control(request, response, body),
  )
})

function resource(request: IncomingMessage, response: ServerResponse): void {
  // Bodies are of no interest, but must be read for the connection to go on.
  request.resume()
  if (grants.authorised(request.headers.authorization)) answer(response, 200, RESOURCE)
  else response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
}

function token(request: IncomingMessage, response: ServerResponse, body: string): void {
  grants.arrived()
  const { delayMs } = grants.behaviour
  if (delayMs > 0) setTimeout(redeem, delayMs, request, response, body)
  else redeem(request, response, body)
}

function redeem(request: IncomingMessage, response: ServerResponse, body: string): void {
  const { fault } = grants.behaviour
  if (fault === 'silent') return
  if (fault === 'unavailable') return answer(response, 503, '')
  if (fault === 'invalid_grant') return answer(response, ...INVALID_GRANT)
  if (fault === 'cut_before') return void request.socket.destroy()
  const form = new URLSearchParams(body)
  const [status, text] =
    form.get('grant_type') === 'refresh_token'
      ? grants.redeem(form.get('refresh_token') ?? '')
      : ([400, '{"error":"unsupported_grant_type"}'] as const)
  if (fault === 'cut_after') return void request.socket.destroy()
  answer(response, status, text)
}

function control(request: IncomingMessage, response: ServerResponse, body: string): void {
  switch (request.url) {
    case '/configure':
      grants.behaviour = { ...grants.behaviour, ...(JSON.parse(body) as Partial<Behaviour>) }
      return answer(response, 200, '{}')
    case '/mint': {
      const { ageS, count } = JSON.parse(body) as MintOrder
      return answer(response, 200, JSON.stringify(Array.from({ length: count }, () => grants.mint(ageS))))
    }
    case '/refuse':
      grants.refuse(body)
      return answer(response, 200, '{}')
    case '/redeem': {
      const [status, text] = grants.redeem(body)
      return answer(response, status, text)
    }
    case '/reset':
      grants.resetStats()
      return answer(response, 200, '{}')
    case '/stats':
      return answer(response, 200, JSON.stringify(grants.stats))
    case '/.well-known/oauth-authorization-server':
    case '/.well-known/openid-configuration':
      return answer(response, 200, JSON.stringify(metadata(`http://${request.headers.host}`)))
    default:
      return answer(response, 404, '{}')
  }
}

function metadata(issuer: string): Record<string, unknown> {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    authorization_endpoint: `${issuer}/authorize`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: ['S256'],
  }
}

function answer(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { ...JSON_HEADERS, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** Of thousands of connections at once none must wait for a second attempt: that would be charged to the contestant. */
const BACKLOG = 20_000

server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () =>
  // The parent may have ended by now, which is no failure of this process.
  process.send?.((server.address() as { port: number }).port, () => undefined),
)
// A parent that ended in whatever way leaves nobody behind.
process.on('disconnect', () => process.exit())
