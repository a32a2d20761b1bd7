import type Provider from 'oidc-provider'
import { randomSecret, signJwt, type SigningKey } from './keys.ts'
import type { MintOptions, TokenAnswer } from './mint-options.ts'
import { claimsOf, subjectOf, type UserDirectory } from './users.ts'

/** What minting works with. */
export interface MintParts {
  readonly provider: Provider
  readonly users: UserDirectory
  readonly clientId: string
  readonly key: SigningKey
  readonly accessTokenSeconds: () => number
}

/**
 * Makes grants through oidc-provider's own models, each with an access and a refresh token.
 * @throws {TypeError} when the user or the client is not known
 */
export async function mintGrants(parts: MintParts, options: MintOptions = {}): Promise<TokenAnswer[]> {
  const user = options.user === undefined ? parts.users.first : parts.users.named(options.user)
  if (!user) throw new TypeError(`Expected \`user\` to be one of the provider's users, got: ${options.user}`)
  const clientId = options.clientId ?? parts.clientId
  const client = await parts.provider.Client.find(clientId)
  if (!client) throw new TypeError(`Expected \`clientId\` to be one of the provider's clients, got: ${clientId}`)
  const order = {
    client,
    accountId: subjectOf(user),
    claims: claimsOf(user),
    scope: options.scope ?? 'openid email profile',
    expired: options.accessTokenExpired ?? false,
    withIdToken: options.idToken ?? false,
  }
  const answers: TokenAnswer[] = []
  for (let made = 0; made < (options.count ?? 1); made += 1) answers.push(await mintGrant(parts, order))
  return answers
}

interface Order {
  readonly client: NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>
  readonly accountId: string
  readonly claims: Readonly<Record<string, unknown>>
  readonly scope: string
  readonly expired: boolean
  readonly withIdToken: boolean
}

async function mintGrant(parts: MintParts, order: Order): Promise<TokenAnswer> {
  const { provider, accessTokenSeconds } = parts
  const { client, accountId, scope, expired } = order
  const grant = new provider.Grant({ accountId, clientId: client.clientId })
  grant.addOIDCScope(scope)
  const grantId = await grant.save()
  const source = { client, accountId, grantId, scope, gty: 'authorization_code' }
  const refreshToken = await new provider.RefreshToken({ ...source, rotations: 0 }).save()
  // A token that is not saved is refused like one that has expired.
  const accessToken = expired ? randomSecret(32) : await new provider.AccessToken(source).save()
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expired ? 0 : accessTokenSeconds(),
    refresh_token: refreshToken,
    scope,
    ...(order.withIdToken ? { id_token: idToken(parts, order) } : {}),
  }
}

function idToken({ provider, key }: MintParts, { client, claims }: Order): string {
  const now = Math.floor(Date.now() / 1000)
  return signJwt(key, { ...claims, iss: provider.issuer, aud: client.clientId, iat: now, exp: now + 3600 })
}
