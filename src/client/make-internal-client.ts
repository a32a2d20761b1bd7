import type { InternalClient } from './internal-client.ts'
import { named, type ClientContext } from './context.ts'
import { readClaims } from './answers/claims.ts'
import { loadOperations } from './load-operations.ts'
import { isIssuerOf, sameIssuer } from './issuers.ts'
import { compileRejected, type RejectedAnswers } from './answers/rejected-answers.ts'
import { assertOrigin, compileOrigins, type OriginRule } from './resource-origins.ts'
import type { Server } from './server.ts'
import { assertSecure } from './http/transport-security.ts'

/**
 * Where a client's tokens may be sent and what refuses them, compiled once, so that a preset's mistake shows at
 * construction too.
 */
interface ResourceRules {
  /** What the client was given in place of the default. */
  readonly own: OriginRule | undefined
  /** The provider's rule, in addition to the server's own endpoints. */
  readonly preset: OriginRule
  readonly rejected: RejectedAnswers | undefined
}

/** Makes a client as the refresh layer uses it. */
export function makeInternalClient(
  context: ClientContext,
  resourceOrigins: readonly string[] | undefined,
): InternalClient {
  const { name, provider } = context
  const { tokenOriginFrom } = provider
  const preset = [
    ...(provider.resourceOrigins ?? []),
    ...(tokenOriginFrom?.allowed.map((each) => new URL(each).origin) ?? []),
  ]
  return coreUnder(context, {
    own:
      resourceOrigins === undefined
        ? undefined
        : compileOrigins(resourceOrigins, `resourceOrigins of client '${name}'`),
    preset: compileOrigins(preset, `resourceOrigins of provider '${name}'`),
    rejected: compileRejected(provider.rejected, name),
  })
}

function coreUnder(context: ClientContext, rules: ResourceRules): InternalClient {
  const { own, preset, rejected } = rules
  const { name, provider, directory, insecure } = context
  const formerIssuers = provider.formerIssuers ?? []
  const assertDefault = (url: URL, server: Server): void =>
    assertOrigin(url, (each) => server.origins.has(each.origin) || preset(each), name)

  // The last one is kept: the same call returns the same object.
  let view: InternalClient | undefined

  return {
    name,
    named: (other) => (view?.name === other ? view : (view = coreUnder(named(context, other), rules))),
    clientId: context.clientId,
    provider,
    clock: context.clock,
    logger: context.logger,
    timeoutMs: context.timeoutMs,
    fetch: context.fetch,
    issuer: async (token) => {
      const issuer = await directory.issuer()
      const claimed = readClaims(token?.idToken)?.['iss']
      return typeof claimed === 'string' && isIssuerOf(issuer, claimed) ? claimed : issuer
    },
    get knownIssuer() {
      return directory.knownIssuer
    },
    formerIssuers,
    sameIssuer: (a, b) => {
      const issuer = directory.knownIssuer
      return sameIssuer(a, b, issuer === undefined ? formerIssuers : [issuer, ...formerIssuers])
    },
    prepareRedemption: async (token) => (await loadOperations()).prepareRedemption(context, token),
    assertResource: (url) => {
      assertSecure(url, insecure)
      if (own !== undefined) return assertOrigin(url, own, name)
      if (directory.known !== undefined) return assertDefault(url, directory.known)
      return directory.server().then((server) => assertDefault(url, server))
    },
    rejected,
    redirectUri: context.redirectUri,
    scope: context.scope,
    knownOfLogin: async () => {
      const { issuer, tokenEndpoint } = await directory.server()
      return { clientId: context.clientId, tokenEndpoint, ...(issuer !== undefined && { issuer }) }
    },
    authorizationRequest: async (options) => (await loadOperations()).authorizationRequest(context, options),
    exchangeCode: async (callback, pending, hooks) =>
      (await loadOperations()).exchangeCode(context, callback, pending, hooks),
    exchangeUnsolicited: async (callback, hooks) =>
      (await loadOperations()).exchangeUnsolicited(context, callback, hooks),
    userInfo: async (token) => (await loadOperations()).fetchUserInfo(context, token),
    hasUserInfo: async () => (await directory.server()).metadata.userinfo_endpoint !== undefined,
    revoke: async (token, options) => (await loadOperations()).revokeToken(context, token, undefined, options?.signal),
  }
}
