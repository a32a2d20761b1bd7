/** The free names of the pages' samples, as globals. Their types are in `docs.test.ts`. */
import { Grants, memoryStore, OAuth2Client, OAuth2Session, type PendingLogin, type Token } from '../../src/index.ts'
import { generateKey, keyRing } from '../../src/seal/index.ts'
import { connectHandler } from '../../src/web/index.ts'
import { login, network, scripted } from './sample-provider.ts'

globalThis.fetch = network

const redirectUri = 'https://app.example.com/callback'
const credentials = { clientId: 'id', clientSecret: 'secret', redirectUri }
const resourceOrigins = ['https://api.acme.example', 'https://www.googleapis.com', 'https://api.example']
const clientNamed = (name: string): OAuth2Client =>
  new OAuth2Client({
    provider: { ...scripted.provider, name },
    ...credentials,
    redirectUri: `https://app.example.com/connect/${name}/callback`,
    resourceOrigins,
  })

const webSession: { pending?: PendingLogin } = {}

// The user of the samples is sent to the provider at once, and consents when the callback is asked for.
const connect = Grants.prototype.connect
Grants.prototype.connect = async function connectAndConsent(this: Grants, ...args: Parameters<typeof connect>) {
  const pending = await connect.apply(this, args)
  login.url = pending.url
  webSession.pending = pending
  return pending
}

function callback(): Request {
  const url = new URL(scripted.login(login.url))
  url.searchParams.set('iss', new URL(login.url).origin)
  return new Request(url)
}

Object.defineProperty(globalThis, 'request', { get: callback })

/** What a framework passes to a page's route: the request, or an object that has it. */
export function pageRequest(): Request {
  const request = new Request('https://app.example.com/profile', { headers: { accept: 'text/html' } })
  return Object.assign(request, { request, locals: { user: { id: 'alice' } } })
}

/** Gives the next sample clients, grants and a session of its own. */
export async function renewFixtures(): Promise<void> {
  const google = clientNamed('google')
  const acme = clientNamed('acme')
  const grants = new Grants({ clients: { google, acme } })
  for (const client of ['google', 'acme'] as const) await grants.save(client, 'alice', scripted.issue())
  const keys = `2026b:${generateKey()},2026a:${generateKey()}`
  Object.assign(globalThis, {
    ...credentials,
    env: { ...process.env, EVERGRANT_KEYS: keys },
    user: { id: 'alice', email: 'alice@example.com' },
    redirect: (to: string) => new Response(null, { status: 302, headers: { location: to } }),
    webSession,
    store: memoryStore(),
    keys: keyRing(keys),
    google,
    acme,
    grants,
    session: new OAuth2Session(acme, { token: scripted.issue() }),
    url: 'https://api.acme.example/things',
    load: async () => scripted.issue(),
    save: async (_token: Token) => undefined,
    sendMail: async (_subject: string, _text: string) => undefined,
    userOf: async (_request: Request) => 'alice',
    connect: connectHandler(grants, { subject: () => 'alice' }),
    waitUntil: (_work: Promise<unknown>) => undefined,
    myStore: () => memoryStore(),
    test: (_name: string, run: () => Promise<void>) => void run(),
  })
}
