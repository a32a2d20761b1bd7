/** A program that bundlers get: a session over a provider without a socket, and a sealed text. */
import { Grants, OAuth2Client, memoryStore } from 'evergrant'
import { google } from 'evergrant/providers/google'
import { generateKey, keyRing } from 'evergrant/seal'
import { scriptedProvider } from 'evergrant/testing'

const scripted = scriptedProvider()
const acme = new OAuth2Client({ provider: scripted.provider, clientId: 'id', clientSecret: 's', fetch: scripted.fetch })
const grants = new Grants({ clients: { acme }, store: memoryStore(), keys: keyRing(`k1:${generateKey()}`) })
const session = await grants.save('acme', 'alice', scripted.issue())
await session.refresh()
const { status } = await session.fetch(scripted.resource)
console.log(status, scripted.stats.redemptions, google.name)
await grants.close()
