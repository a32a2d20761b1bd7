/** Runs in workerd, made into one file by the test. A path says what to do, `mode` with which grants. */
import { waitUntil } from 'cloudflare:workers'
import { Grants } from '../../src/grants.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import type { Background } from '../../src/refresh/background.ts'
import { runCheck } from './checks.ts'

interface Env {
  readonly PROVIDER: string
  /** Where the checks' server is. */
  readonly CHECKED: string
}

let made: Record<string, Grants<{ acme: OAuth2Client }>> | undefined

const BACKGROUNDS: Readonly<Record<string, Background>> = {
  waitUntil: (work) => waitUntil(work),
  detached: 'detached',
  none: 'none',
}

function grantsOf(mode: string, { PROVIDER }: Env): Grants<{ acme: OAuth2Client }> {
  const make = (background: Background): Grants<{ acme: OAuth2Client }> =>
    new Grants({
      clients: {
        acme: new OAuth2Client({
          provider: {
            name: 'acme',
            server: {
              issuer: PROVIDER,
              token_endpoint: `${PROVIDER}/token`,
              revocation_endpoint: `${PROVIDER}/revoke`,
            },
          },
          clientId: 'c',
          clientSecret: 'a-client-secret',
          timeoutMs: 2000,
        }),
      },
      policy: { leaseMs: 3000, settleMs: 500 },
      background,
    })
  made ??= Object.fromEntries(Object.entries(BACKGROUNDS).map(([name, background]) => [name, make(background)]))
  return made[mode] as Grants<{ acme: OAuth2Client }>
}

/** Made while the module loads, as applications do: nothing in it may want time, randomness or the network. */
export const early = new Grants({ clients: {} })

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/check') return Response.json(await runCheck(searchParams.get('name') ?? '', env.CHECKED))
    const grants = grantsOf(searchParams.get('mode') ?? '', env)
    if (pathname === '/save') {
      const refreshToken = searchParams.get('refresh_token') ?? 'rt0'
      await grants.save('acme', 'u', { access_token: 'at0', refresh_token: refreshToken, expires_at: 1 })
      return new Response('saved')
    }
    if (pathname === '/disconnect') {
      await grants.disconnect('acme', 'u')
      return new Response('disconnected')
    }
    const token = grants.session('acme', 'u').accessToken()
    if (pathname === '/leave') {
      token.catch(() => undefined)
      return new Response('left')
    }
    return token.then(
      (text) => new Response(text),
      (error: { code: string }) => new Response(error.code, { status: 503 }),
    )
  },
}
