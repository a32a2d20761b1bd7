/** Google's scope for the e-mail address. */
export const googleEmailScope = 'https://www.googleapis.com/auth/userinfo.email'
/** Google's scope for the name. */
export const googleProfileScope = 'https://www.googleapis.com/auth/userinfo.profile'

const emailClaims = ['email', 'email_verified']
const profileClaims = ['name', 'given_name', 'family_name']

/** Which claims each scope shows, in the form that oidc-provider's `claims` setting takes. */
export const scopeClaims: Readonly<Record<string, string[]>> = {
  openid: ['sub'],
  email: emailClaims,
  profile: profileClaims,
  [googleEmailScope]: emailClaims,
  [googleProfileScope]: profileClaims,
}

const descriptions: Readonly<Record<string, string>> = {
  openid: 'Know who you are on this server',
  email: 'See your e-mail address',
  profile: 'See your name',
  [googleEmailScope]: 'See your e-mail address',
  [googleProfileScope]: 'See your name',
  offline_access: 'Keep this access while you are away',
}

/** The scopes that a provider knows and how its consent page words them. */
export class ScopeCatalogue {
  readonly #descriptions: Readonly<Record<string, string>>

  /** @param extra further scopes with their wording on the consent page */
  constructor(extra: Readonly<Record<string, string>>) {
    this.#descriptions = { ...descriptions, ...extra }
  }

  /** Every scope that may be asked for. */
  get names(): string[] {
    return Object.keys(this.#descriptions)
  }

  /** What the consent page says of a scope. */
  describe(scope: string): string {
    return this.#descriptions[scope] ?? scope
  }

  /** Whether the scope cannot be refused apart from the whole request. */
  isRequired(scope: string): boolean {
    return scope === 'openid'
  }
}
