import type { ClientCore } from './client-core.ts'
import { exchangeCode } from './code-exchange.ts'
import type { ClientContext } from './context.ts'
import { prepareRedemption } from './redemption.ts'
import { compileRejected } from './rejected-answers.ts'
import { assertOrigin, compileOrigins, originRule } from './resource-origins.ts'
import { revokeToken } from './revocation.ts'
import type { Server } from './server.ts'
import { assertSecure } from './transport-security.ts'

/** A client as the refresh layer sees it. */
export function makeCore(context: ClientContext, resourceOrigins: readonly string[] | undefined): ClientCore {
  const { name, provider, directory, insecure } = context
  const own =
    resourceOrigins === undefined ? undefined : compileOrigins(resourceOrigins, `resourceOrigins of client '${name}'`)
  // Compiled once, so that a preset's mistake shows at construction too.
  const preset = compileOrigins(provider.resourceOrigins ?? [], `resourceOrigins of provider '${name}'`)
  const assertDefault = (url: URL, server: Server): void =>
    assertOrigin(url, (each) => server.origins.has(each.origin) || preset(each), name)

  return {
    name,
    clientId: context.clientId,
    provider,
    clock: context.clock,
    logger: context.logger,
    timeoutMs: context.timeoutMs,
    fetch: context.fetch,
    allowInsecureRequests: insecure.allowInsecureRequests,
    secrets: context.secrets,
    issuer: () => directory.issuer(),
    get knownIssuer() {
      const server = directory.known
      return server === undefined ? undefined : (server.issuer ?? server.tokenEndpoint)
    },
    prepareRedemption: (token) => prepareRedemption(context, token),
    assertResource: (url, origins) => {
      assertSecure(url, insecure)
      const rule = origins === undefined ? own : originRule(origins)
      if (rule !== undefined) return assertOrigin(url, rule, name)
      if (directory.known !== undefined) return assertDefault(url, directory.known)
      return directory.server().then((server) => assertDefault(url, server))
    },
    rejected: compileRejected(provider.rejected, name),
    exchangeCode: (callback, pending, beforeSend) => exchangeCode(context, callback, pending, beforeSend),
    revoke: (token, options) => revokeToken(context, token, undefined, options?.signal),
  }
}
