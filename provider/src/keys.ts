import { createPrivateKey, generateKeyPair, randomBytes, sign, type JsonWebKey } from 'node:crypto'
import { promisify } from 'node:util'

const generate = promisify(generateKeyPair)

/** A private signing key as a JWK, ready for oidc-provider's `jwks`. */
export interface SigningKey extends JsonWebKey {
  kty: string
  kid: string
  use: 'sig'
  alg: 'RS256'
}

let processKey: Promise<SigningKey> | undefined

/**
 * Returns the signing key of this process. An RSA key takes at least 0.1 s to create, too long for a test suite that
 * starts a provider in every test.
 */
export function signingKey(): Promise<SigningKey> {
  processKey ??= makeSigningKey()
  return processKey
}

async function makeSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 })
  const jwk = privateKey.export({ format: 'jwk' })
  return { ...jwk, kty: 'RSA', kid: randomSecret(8), use: 'sig', alg: 'RS256' }
}

/** Returns the given number of random bytes as base64url. */
export function randomSecret(bytes = 24): string {
  return randomBytes(bytes).toString('base64url')
}

/** Signs a JWT with the key, whatever its claims say. */
export function signJwt(key: SigningKey, claims: Readonly<Record<string, unknown>>): string {
  const header = encode({ alg: key.alg, typ: 'JWT', kid: key.kid })
  const input = `${header}.${encode(claims)}`
  const signature = sign('RSA-SHA256', Buffer.from(input), createPrivateKey({ key, format: 'jwk' }))
  return `${input}.${signature.toString('base64url')}`
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
