/**
 * Placeholder in an issuer for the tenant that a token's `tid` names (Microsoft Entra ID's metadata for several
 * tenants).
 */
const TENANT = '{tenantid}'

/** Whether an issuer has a placeholder for the tenant. */
export function hasTenant(issuer: string): boolean {
  return issuer.includes(TENANT)
}

/** Whether `issuer` is the server's own, character by character, or that of one of its tenants. */
export function isIssuerOf(server: string, issuer: string): boolean {
  return tenantOf(issuer, server) !== undefined
}

/**
 * Whether a token may name this issuer: character by character one of the family, with the token's tenant in its
 * placeholder. With `anySpelling`, for tokens of a known grant, also in another spelling.
 */
export function mayName(
  issuer: string,
  tenant: unknown,
  family: readonly string[],
  options: { readonly anySpelling: boolean },
): boolean {
  const form = options.anySpelling ? spelled : (text: string): string => text
  return family.some((member) => {
    const found = tenantOf(form(issuer), form(member))
    return hasTenant(member) ? found !== '' && found !== undefined && found === tenant : found === ''
  })
}

/**
 * Whether an issuer is one of a family, in any spelling and of any tenant: a grant from it still belongs to the
 * provider.
 */
export function isOfFamily(issuer: string, family: readonly string[]): boolean {
  return ownerOf(spelled(issuer), family) !== undefined
}

/**
 * Whether two issuers are one: exactly, by another spelling (without the scheme, a slash at the end, the host's case),
 * or as names of one provider. `family` has the provider's issuer and its former ones. Different tenants stay
 * different.
 */
export function sameIssuer(a: unknown, b: unknown, family: readonly string[]): boolean {
  if (typeof a !== 'string' || typeof b !== 'string') return false
  const [one, other] = [spelled(a), spelled(b)]
  if (one === other) return true
  const owner = ownerOf(one, family)
  return owner !== undefined && owner === ownerOf(other, family)
}

/**
 * Returns the forms under which an issuer may have been stored: one for each name of its family, with the same
 * tenant. The present name comes first.
 */
export function knownForms(issuer: string, family: readonly string[]): readonly [string, ...string[]] {
  const own = spelled(issuer)
  const tenant = ownerOf(own, family)
  const members = tenant === undefined ? [] : family.filter((member) => hasTenant(member) === (tenant !== ''))
  const [first = own, ...others] = new Set(members.map((member) => spelled(member.replace(TENANT, tenant ?? ''))))
  return [first, ...others]
}

/** Returns the tenant under which an issuer belongs to a family: '' without one, undefined for a stranger's. */
function ownerOf(issuer: string, family: readonly string[]): string | undefined {
  for (const member of family) {
    const tenant = tenantOf(issuer, spelled(member))
    if (tenant !== undefined) return tenant
  }
  return undefined
}

/**
 * Returns the tenant in an issuer of the form of `template`: '' if that has no placeholder, undefined for an issuer of
 * another form.
 */
function tenantOf(issuer: string, template: string): string | undefined {
  if (issuer === template) return ''
  const [before = '', after] = template.split(TENANT)
  if (after === undefined || !issuer.startsWith(before) || !issuer.endsWith(after)) return undefined
  const tenant = issuer.slice(before.length, -after.length || undefined)
  return /^[\w-][\w.-]*$/.test(tenant) ? tenant : undefined
}

/**
 * Returns an issuer as it is compared: without https, or on this machine http, its host in lower case without the usual
 * port, no slash at the end.
 */
function spelled(issuer: string): string {
  const [, scheme = 'https', host = '', path = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?([^/]*)(.*)$/is.exec(issuer) ?? []
  const own = scheme.toLowerCase()
  const name = host.toLowerCase().replace(own === 'http' ? /:80$/ : /:443$/, '')
  const usual = own === 'https' || (own === 'http' && /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(name))
  return `${usual ? '' : `${own}://`}${name}${path.replace(/\/+$/, '')}`
}
