/** What the library must do in every runtime, with what all runtimes have: no test runner, nothing of Node. */
import { Grants } from '../../src/grants.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { ProviderUnavailableError, ReauthorizationRequiredError, SealError } from '../../src/model/errors.ts'
import { OAuth2Session } from '../../src/session.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { fakeClock, scriptedProvider } from '../../src/testing/index.ts'

function equal(actual: unknown, expected: unknown): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (found !== wanted) throw new Error(`Expected ${wanted}, got ${found}.`)
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  if (outcome === undefined) throw new Error('Expected a rejection, got none.')
  return outcome.error
}

/** A client of the server that `startServer()` of the set-up starts. */
const clientOf = (origin: string, path = '/token', timeoutMs = 10_000): OAuth2Client =>
  new OAuth2Client({
    provider: { name: 'local', server: { token_endpoint: origin + path }, refresh: { rotates: true } },
    clientId: 'id',
    clientSecret: 'a-client-secret',
    resourceOrigins: [origin],
    allowInsecureRequests: true,
    timeoutMs,
  })

const spent = (grant: string): object => ({ access_token: `${grant}-old`, refresh_token: `${grant}-1`, expires_at: 1 })

/** Grants over a provider without a socket, sealed. */
function scriptedGrants() {
  const clock = fakeClock()
  const scripted = scriptedProvider({ clock })
  const acme = new OAuth2Client({
    provider: scripted.provider,
    clientId: 'id',
    clientSecret: 'a-client-secret',
    redirectUri: 'https://app.example/callback',
    scope: ['read'],
    fetch: scripted.fetch,
    clock,
  })
  const keys = keyRing(`k1:${generateKey()}`)
  const grants = new Grants({ clients: { acme }, store: memoryStore({ clock }), keys, clock })
  return { clock, grants, scripted }
}

const unique = (): string => crypto.randomUUID().replaceAll('-', '')

/** The checks by name. Each gets the origin of a server that only it and the other checks use. */
export const CHECKS: Readonly<Record<string, (origin: string) => Promise<void>>> = {
  'a hundred callers cause one refresh': async (origin) => {
    const grant = unique()
    const session = new OAuth2Session(clientOf(origin), { token: spent(grant) })
    const tokens = await Promise.all(Array.from({ length: 100 }, () => session.accessToken()))
    equal([...new Set(tokens)], [`${grant}-1`])
    await session.close()
  },
  'session.fetch refreshes and repeats a POST after a 401': async (origin) => {
    const grant = unique()
    const session = new OAuth2Session(clientOf(origin), { token: { ...spent(grant), expires_at: 4_102_444_800 } })
    const response = await session.fetch(`${origin}/api`, { method: 'POST', body: 'text' })
    equal([response.status, await response.json()], [200, { body: 'text' }])
    await session.close()
  },
  'session.fetch repeats a Request with a body': async (origin) => {
    const session = new OAuth2Session(clientOf(origin), { token: { ...spent(unique()), expires_at: 4_102_444_800 } })
    const response = await session.fetch(new Request(`${origin}/api`, { method: 'PUT', body: 'text' }))
    equal([response.status, await response.json()], [200, { body: 'text' }])
    await session.close()
  },
  'a refused refresh token needs the user': async (origin) => {
    const session = new OAuth2Session(clientOf(origin), { token: { ...spent(''), refresh_token: 'unknown' } })
    const error = await rejection(session.token())
    equal(error instanceof ReauthorizationRequiredError && error.code, 'reauthorization_required')
    await session.close()
  },
  'a provider that hangs ends the wait at the deadline': async (origin) => {
    const error = await rejection(clientOf(origin, '/hang', 300).clientCredentials())
    equal(error instanceof ProviderUnavailableError && error.code, 'provider_unavailable')
  },
  'a login becomes a sealed grant, which is refreshed when it is spent and revoked when it ends': async () => {
    const { clock, grants, scripted } = scriptedGrants()
    const pending = await grants.connect('acme', 'alice')
    const { session, renewable } = await grants.complete(scripted.login(pending.url), pending, { subject: 'alice' })
    equal(renewable, true)
    const first = await session.accessToken()
    await clock.advance(3_600_000)
    const second = await session.accessToken()
    equal([first === second, scripted.stats.redemptions], [false, 1])
    equal((await session.fetch(scripted.resource)).status, 200)
    await grants.disconnect('acme', 'alice')
    const status = await grants.status('acme', 'alice')
    await grants.close()
    equal([status, scripted.requests.at(-1)?.endpoint], [undefined, 'revocation'])
  },
  'a worker refreshes what is due': async () => {
    const { clock, grants, scripted } = scriptedGrants()
    await grants.save('acme', 'alice', scripted.issue())
    await clock.advance(1_800_000)
    const worker = grants.keepFresh({ withinMs: 1_800_000 })
    for (let turn = 0; turn < 100 && scripted.stats.redemptions === 0; turn += 1) await clock.advance(1000)
    await worker.stop()
    equal([scripted.stats.redemptions, worker.stats().refreshed], [1, 1])
    await grants.close()
  },
  'a key ring opens what it sealed, for its context only': async () => {
    const ring = keyRing(`k1:${generateKey()}`)
    const sealed = await ring.seal('text', 'one')
    equal(await ring.open(sealed, 'one'), 'text')
    equal((await rejection(ring.open(sealed, 'another'))) instanceof SealError, true)
  },
}

/** What one check did. */
export interface Result {
  readonly name: string
  readonly error?: string
}

/** Runs a check; a failure is in its result. */
export async function runCheck(name: string, origin: string): Promise<Result> {
  try {
    await CHECKS[name]?.(origin)
    return { name }
  } catch (error) {
    return { name, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  }
}
