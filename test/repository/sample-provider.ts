import { scriptedProvider } from '../../src/testing/index.ts'

/** The one provider of a sample's process. */
export const scripted = scriptedProvider()

/** The URL of the last login: its user consents when the callback is asked for. */
export const login = { url: '' }

const ISSUER = 'https://provider.example'

/** The network of a sample's process: the scripted provider under every issuer, and APIs that return 200. */
export const network: typeof globalThis.fetch = async (input, init) => {
  const request = new Request(input, init)
  const { origin, pathname } = new URL(request.url)
  if (pathname.includes('/.well-known/')) return json(metadataOf(origin))
  if (pathname === '/token' || pathname === '/revoke') return atProvider(request, pathname)
  if (origin === ISSUER || request.url === scripted.resource) return scripted.fetch(request)
  return json({ ok: true })
}

async function atProvider(request: Request, path: string): Promise<Response> {
  const { method, headers } = request
  const body = await request.text()
  const response = await scripted.fetch(ISSUER + path, { method, headers, body })
  if (new URLSearchParams(body).get('grant_type') !== 'authorization_code') return response
  return json({ ...((await response.json()) as object), id_token: idToken() }, response.status)
}

/** Its signature is none: what comes from the token endpoint over TLS needs none (OpenID Connect Core section 3.1.3.7). */
function idToken(): string {
  const { searchParams } = new URL(login.url)
  const now = Math.floor(Date.now() / 1000)
  const [aud, nonce] = [searchParams.get('client_id'), searchParams.get('nonce') ?? undefined]
  const claims = { iss: new URL(login.url).origin, sub: 'scripted user', aud, nonce, iat: now, exp: now + 3600 }
  return [{ alg: 'RS256' }, claims, {}].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
}

const metadataOf = (issuer: string): object => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  revocation_endpoint: `${issuer}/revoke`,
  userinfo_endpoint: `${issuer}/userinfo`,
})

const json = (body: object, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })
