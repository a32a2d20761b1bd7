/** Refreshes after the package's files were removed and after they were put back. Prints each outcome. */
import { cpSync, renameSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

import { Grants, OAuth2Client, OAuth2Session } from 'evergrant'

const files = new URL('node_modules/evergrant/dist', import.meta.url)
const elsewhere = new URL('node_modules/evergrant/elsewhere', import.meta.url)
let requests = 0

function sessionWith(token) {
  const client = new OAuth2Client({
    provider: {
      name: 'acme',
      server: { issuer: 'https://id.example', token_endpoint: 'https://id.example/token' },
    },
    clientId: 'app',
    clientSecret: 'client-secret',
    fetch: async () => {
      requests += 1
      return Response.json({ access_token: `at-${requests}`, token_type: 'bearer', expires_in: 3600 })
    },
  })
  return new OAuth2Session(client, { token, policy: { revalidateMs: 10 } })
}

/** What shows that a process goes on. */
const SIGNS = {
  async use(session) {
    await session.token()
    await delay(50)
    await session.token()
  },
  async worker() {
    const grants = new Grants({ clients: {} })
    grants.keepFresh()
    await delay(50)
    await grants.close()
  },
}

async function refresh(session) {
  const outcome = await session.refresh().then(
    ({ accessToken }) => accessToken,
    ({ code }) => code,
  )
  console.log(`${outcome}, requests: ${requests}`)
}

const token = { access_token: 'at-0', token_type: 'bearer', expires_in: 3600, refresh_token: 'rt-0' }
const session = sessionWith(token)
const sign = SIGNS[process.argv[2]]
if (sign !== undefined) {
  await sign(session)
  await delay(500)
}
renameSync(files, elsewhere)
await refresh(session)
cpSync(elsewhere, files, { recursive: true })
await refresh(session)
