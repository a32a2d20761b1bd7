/** Refreshes after the package's files were removed and after they were put back. Prints each outcome. */
import { cpSync, renameSync } from 'node:fs'

import { OAuth2Client, OAuth2Session } from 'evergrant'

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
  return new OAuth2Session(client, { token })
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
renameSync(files, elsewhere)
await refresh(session)
cpSync(elsewhere, files, { recursive: true })
await refresh(session)
