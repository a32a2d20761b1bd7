/** One program of a few lines, by name. The test checks what it prints, and whether it ends. */
import { Grants } from '../../src/grants.ts'
import { OAuth2Client } from '../../src/client/oauth2-client.ts'
import { generateKey, keyRing } from '../../src/seal/make-key-ring.ts'
import { OAuth2Session } from '../../src/session.ts'
import { sqliteStore } from '../../src/stores/sqlite/index.ts'

const [name = '', file = '', key = generateKey()] = process.argv.slice(2)
const server = {
  issuer: 'https://acme.example',
  token_endpoint: 'https://acme.example/token',
  revocation_endpoint: 'https://acme.example/revoke',
}
const SPENT = { access_token: 'at1', refresh_token: 'rt1', expires_at: 1 }
/** It keeps no process running: it has no socket and no timer. */
const hang = (): Promise<never> => new Promise(() => undefined)
const answer = async (): Promise<Response> =>
  Response.json({ access_token: 'at2', token_type: 'bearer', refresh_token: 'rt2', expires_in: 3600 })
const clientWith = (fetch: typeof globalThis.fetch, issuer: string | typeof server = server): OAuth2Client =>
  new OAuth2Client({
    provider: { name: 'acme', server: issuer },
    clientId: 'c',
    clientSecret: 'a-client-secret',
    fetch,
    timeoutMs: 800,
  })
const grantsWith = (fetch: typeof globalThis.fetch) =>
  new Grants({
    clients: { acme: clientWith(fetch) },
    store: sqliteStore(file),
    keys: keyRing(`k:${key}`),
    policy: { leaseMs: 2500, settleMs: 300 },
  })
const told = async (work: Promise<unknown>): Promise<void> =>
  console.log(await work.then(String, (error: { code: string }) => error.code))

const programs: Record<string, () => Promise<void>> = {
  'killed during its request': async () => {
    const grants = grantsWith(async () => process.kill(process.pid, 'SIGKILL') as never)
    await grants.save('acme', 'u', SPENT)
    await grants.session('acme', 'u').token()
  },
  'takes over': () => told(grantsWith(answer).session('acme', 'u').accessToken()),
  'a session whose transport hangs': () => told(new OAuth2Session(clientWith(hang), { token: SPENT }).accessToken()),
  'a client whose transport hangs': () => told(clientWith(hang).clientCredentials()),
  'metadata that hangs': () => told(clientWith(hang, 'https://acme.example').clientCredentials()),
  'an updater that hangs': async () => {
    const session = new OAuth2Session(clientWith(answer), { token: SPENT, onToken: hang })
    await told(session.accessToken())
  },
  worker: async () => {
    console.log('begins')
    await grantsWith(answer).keepFresh().done
  },
  'stopped worker': async () => {
    const worker = grantsWith(answer).keepFresh()
    setTimeout(() => void worker.stop(), 100)
    await worker.done
    console.log('stopped')
  },
  'ordinary life': async () => {
    const grants = grantsWith(answer)
    await grants.save('acme', 'u', SPENT)
    await told(grants.session('acme', 'u').accessToken())
    await grants.disconnect('acme', 'u')
  },
}

await programs[name]?.()
