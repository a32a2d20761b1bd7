import type * as oauth from 'oauth4webapi'
import { fromBase64Url, toBase64Url } from '../../util/base64.ts'
import type { ClientContext } from '../context.ts'
import { hasTenant, mayName, sameIssuer } from '../issuers.ts'
import { loadOauth4webapi, oauthClient } from '../oauth4webapi.ts'
import type { Server } from '../server.ts'
import { readClaims, type Claims } from './claims.ts'

/** Maximum distance of an ID token's issue time from now. */
const FARTHEST_ISSUE_S = 24 * 3600

/** What to do with an ID token. `unusable` has a reason, without anything secret in it. */
type IdTokenVerdict =
  | { readonly verdict: 'usable' }
  | { readonly verdict: 'unusable'; readonly reason: string }
  | { readonly verdict: 'other_identity'; readonly reason: string }

/**
 * Checks the ID token of a code exchange (OpenID Connect Core section 3.1.3.7). Its signature is not checked: it came
 * from the token endpoint over TLS (rule 6).
 */
export async function checkFirstIdToken(
  context: ClientContext,
  server: Server,
  idToken: string,
  accessToken: string,
  expected: { readonly nonce: string | undefined; readonly maxAge: number | undefined },
): Promise<IdTokenVerdict> {
  return check(context, server, { idToken, accessToken, known: false }, (library, as, response) =>
    library.processAuthorizationCodeResponse(as, oauthClient(library, context), response, {
      requireIdToken: true,
      ...(expected.nonce === undefined ? {} : { expectedNonce: expected.nonce }),
      ...(expected.maxAge === undefined ? {} : { maxAge: expected.maxAge }),
    }),
  )
}

/** Checks the ID token of a refresh, also against the previous one (OpenID Connect Core section 12.2). */
export async function checkRefreshedIdToken(
  context: ClientContext,
  server: Server,
  idToken: string,
  accessToken: string,
  previousIdToken: string | undefined,
): Promise<IdTokenVerdict> {
  const claims = readClaims(idToken)
  if (claims === undefined) return unusable('it cannot be read')
  const previous = readClaims(previousIdToken)
  // Checked first: a response for another user is one even if its ID token has expired.
  const family = familyOf(context, server)
  const changed = previous === undefined ? undefined : compareIdentity(claims, previous, context.clientId, family)
  if (changed !== undefined) return changed
  return check(context, server, { idToken, accessToken, known: true }, (library, as, response) =>
    library.processRefreshTokenResponse(as, oauthClient(library, context), response),
  )
}

/** The issuer, and its earlier names. */
function familyOf(context: ClientContext, server: Server): readonly string[] {
  return [...(server.issuer === undefined ? [] : [server.issuer]), ...(context.provider.formerIssuers ?? [])]
}

function compareIdentity(
  claims: Claims,
  previous: Claims,
  clientId: string,
  family: readonly string[],
): IdTokenVerdict | undefined {
  if (claims['sub'] !== undefined && claims['sub'] !== previous['sub']) return other('sub')
  if (claims['iss'] !== undefined && !sameIssuer(claims['iss'], previous['iss'], family)) return other('iss')
  const audience = listOf(claims['aud'])
  if (!listOf(previous['aud']).every((each) => audience.includes(each))) {
    return audience.includes(clientId) ? unusable('its aud lacks an earlier audience') : other('aud')
  }
  const { azp } = claims
  if (azp !== previous['azp']) {
    return azp === undefined || azp === clientId ? unusable('its azp differs from the earlier one') : other('azp')
  }
  if (claims['nonce'] !== undefined && claims['nonce'] !== previous['nonce'])
    return unusable('its nonce differs from the earlier one')
  const time = claims['auth_time']
  if (time !== undefined && previous['auth_time'] !== undefined && time !== previous['auth_time']) {
    return unusable('its auth_time differs from the earlier one')
  }
  return undefined
}

async function check(
  context: ClientContext,
  server: Server,
  token: { readonly idToken: string; readonly accessToken: string; readonly known: boolean },
  process: (
    library: typeof oauth,
    as: oauth.AuthorizationServer,
    response: Response,
  ) => Promise<oauth.TokenEndpointResponse>,
): Promise<IdTokenVerdict> {
  const { idToken, accessToken } = token
  const as = expectedServer(context, server, readClaims(idToken) ?? {}, token.known)
  if (typeof as === 'string') return unusable(as)
  let claims: oauth.IDToken | undefined
  try {
    const body = JSON.stringify({ access_token: accessToken, token_type: 'bearer', id_token: idToken })
    const answer = new Response(body, { headers: { 'content-type': 'application/json' } })
    const library = await loadOauth4webapi()
    claims = library.getValidatedIdTokenClaims(await process(library, as, answer))
  } catch (error) {
    // The library's messages name the rule, not the values.
    return unusable(error instanceof Error ? error.message : 'it is malformed')
  }
  if (claims === undefined) return unusable('it is missing')
  if (claims.azp !== undefined && claims.azp !== context.clientId) return unusable('its azp is another client')
  if (Math.abs(claims.iat - context.clock.now() / 1000) > FARTHEST_ISSUE_S) return unusable('its iat is too far away')
  if (!(await hashMatches(idToken, claims['at_hash'], accessToken)))
    return unusable('its at_hash does not belong to this access token')
  return { verdict: 'usable' }
}

/**
 * Returns the server as an ID token should name it: character by character, or for a known grant (`known`) in any
 * spelling. Returns a reason if there is none.
 */
function expectedServer(
  context: ClientContext,
  server: Server,
  claims: Claims,
  known: boolean,
): oauth.AuthorizationServer | string {
  if (server.issuer === undefined) return 'the server has no issuer to compare it with'
  const { iss, tid } = claims
  const fits = typeof iss === 'string' && mayName(iss, tid, familyOf(context, server), { anySpelling: known })
  if (!fits && hasTenant(server.issuer)) return 'its iss is not the issuer of the tenant (tid) that it names'
  const { idTokenAlgs } = context.provider
  return {
    ...server.as,
    issuer: fits ? iss : server.issuer,
    ...(idTokenAlgs === undefined ? {} : { id_token_signing_alg_values_supported: [...idTokenAlgs] }),
  }
}

/**
 * OpenID Connect Core section 3.1.3.8: the left half of the access token's hash, by the hash of the ID token's
 * algorithm.
 */
async function hashMatches(idToken: string, expected: unknown, accessToken: string): Promise<boolean> {
  if (expected === undefined) return true
  const header = JSON.parse(fromBase64Url(idToken.split('.')[0] ?? '') ?? '{}') as { alg?: unknown }
  const size =
    /^(?:RS|PS|ES|HS)(256|384|512)$/.exec(String(header.alg))?.[1] ??
    (String(header.alg).startsWith('Ed') ? '512' : undefined)
  // An algorithm without a known hash: there is nothing to compare with.
  if (size === undefined) return true
  const digest = new Uint8Array(await crypto.subtle.digest(`SHA-${size}`, new TextEncoder().encode(accessToken)))
  return expected === toBase64Url(digest.subarray(0, digest.length / 2))
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function unusable(reason: string): IdTokenVerdict {
  return { verdict: 'unusable', reason }
}

function other(claim: string): IdTokenVerdict {
  return { verdict: 'other_identity', reason: `the ID token's ${claim} is not the one of the login` }
}
