import { SettingsError, type UpstreamChoice } from '../settings.ts'
import type { Upstream, Validation } from './upstream.ts'

const timeoutMs = 10_000

/**
 * Any server that publishes its metadata.
 * @throws SettingsError when it can't be had
 */
export async function issuerUpstream(choice: UpstreamChoice & { readonly kind: 'issuer' }): Promise<Upstream> {
  const metadata = await discover(choice.issuer)
  const { userinfo_endpoint: userInfoUrl } = metadata
  if (typeof userInfoUrl !== 'string') {
    throw new SettingsError(
      `The provider at ${choice.issuer} has no userinfo_endpoint: the demo has nothing to call there.`,
    )
  }
  // Grants of different issuers must not share a name: one's tokens are nothing for the other.
  const name = new URL(choice.issuer).host
  return {
    name,
    title: name,
    client: {
      provider: { name, server: choice.issuer, authorizationParams: { access_type: 'offline' } },
      clientId: choice.clientId,
      ...(choice.clientSecret !== undefined && { clientSecret: choice.clientSecret }),
      scope: choice.scope,
    },
    userInfoUrl,
    validation: validationOf(metadata),
    embedded: undefined,
  }
}

function validationOf({ introspection_endpoint, tokeninfo_endpoint }: Readonly<Record<string, unknown>>): Validation {
  if (typeof tokeninfo_endpoint === 'string') return { kind: 'tokeninfo', url: tokeninfo_endpoint }
  return { kind: typeof introspection_endpoint === 'string' ? 'introspection' : 'none' }
}

async function discover(issuer: string): Promise<Record<string, unknown>> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
    if (!response.ok) throw new Error(`status ${response.status}`)
    return (await response.json()) as Record<string, unknown>
  } catch (cause) {
    throw new SettingsError(
      `The provider's metadata could not be had from ${url} (${cause instanceof Error ? cause.message : 'unknown'}). Is ISSUER right, and does it run?`,
    )
  }
}
