import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'

/** What a user has allowed a client, remembered across browsers as Google does. */
export interface Consent {
  /** The `Grant` of oidc-provider for the newest consent. */
  readonly grantId: string
  /** Whether access while the user is away was part of it. */
  readonly offline: boolean
}

/**
 * Google's memory of consents, and its rule for refresh tokens. A login gets a refresh token if it asked for
 * `access_type=offline` and the user consented during this login. A login without a consent page gets none.
 */
export class Consents {
  readonly #consents = new Map<string, Consent>()
  readonly #offlineCodes = new Map<string, boolean>()

  /** The newest consent of a user to a client. */
  get(subject: string, clientId: string): Consent | undefined {
    return this.#consents.get(keyOf(subject, clientId))
  }

  /** Remembers a consent in place of an earlier one. */
  set(subject: string, clientId: string, consent: Consent): void {
    this.#consents.set(keyOf(subject, clientId), consent)
  }

  /** Forgets a consent whose grant was revoked. */
  delete(subject: string, clientId: string): void {
    this.#consents.delete(keyOf(subject, clientId))
  }

  /** Notes with a new code whether a refresh token goes with it. */
  noteCode(code: string, offline: boolean): void {
    this.#offlineCodes.set(code, offline)
    const [oldest] = this.#offlineCodes.keys()
    if (this.#offlineCodes.size > maxPendingCodes && oldest !== undefined) this.#offlineCodes.delete(oldest)
  }

  /** Whether the code was issued for access while the user is away. */
  isOffline(code: string): boolean {
    return this.#offlineCodes.get(code) ?? false
  }
}

/** More codes than can wait for their exchange within their lifetime of one minute. */
const maxPendingCodes = 50_000

function keyOf(subject: string, clientId: string): string {
  return JSON.stringify([subject, clientId])
}

/** Finds the grant that a login continues: the one of its own consent, otherwise the remembered one. */
export async function loadConsentedGrant(
  ctx: KoaContextWithOIDC,
  consents: Consents,
): Promise<InstanceType<Provider['Grant']> | undefined> {
  const { session, account, client, result, provider } = ctx.oidc
  if (!session || !account || !client) return undefined
  // Logging out must not end grants that applications still use: oidc-provider revokes those without this mark.
  session.ensureClientContainer(client.clientId)
  session.authorizationFor(client.clientId).persistsLogout = true
  const grantId = result?.consent?.grantId ?? consents.get(account.accountId, client.clientId)?.grantId
  if (grantId === undefined) return undefined
  const grant = await provider.Grant.find(grantId)
  if (!grant) consents.delete(account.accountId, client.clientId)
  return grant
}

/** Whether the authorization request asks for access while the user is away, in Google's way. */
export function asksOffline(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.params?.['access_type'] === 'offline'
}
