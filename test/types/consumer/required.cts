/** A CommonJS program: Node loads the package with `require()` from 20.19 and 22.12 on. */
import evergrant = require('evergrant')
import seal = require('evergrant/seal')

const client = new evergrant.OAuth2Client({
  provider: { name: 'acme', server: { token_endpoint: 'https://acme.example/token' } },
  clientId: 'id',
})
export const session: evergrant.OAuth2Session = new evergrant.OAuth2Session(client)
export const keys: seal.KeyRing = seal.keyRing(undefined)
