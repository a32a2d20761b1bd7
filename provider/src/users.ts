/** A user who can log in. */
export interface ProviderUser {
  /** The name to type on the login page. */
  readonly username: string
  /** The password. It is shown on the page, so never use a real one. */
  readonly password: string
  /** The subject in tokens and responses. @default `username` */
  readonly subject?: string
  /** @default `<username>@example.com` */
  readonly email?: string
  /** @default the username, first letter in upper case */
  readonly givenName?: string
  /** @default `Example` */
  readonly familyName?: string
}

/** The two users that are ready when no others are given: `alice` / `wonderland` and `bob` / `builder`. */
export const defaultUsers: readonly ProviderUser[] = [
  { username: 'alice', password: 'wonderland', givenName: 'Alice', familyName: 'Liddell' },
  { username: 'bob', password: 'builder', givenName: 'Bob', familyName: 'Baumeister' },
]

/** A user's claims, as ID tokens and userinfo carry them. */
export interface UserClaims {
  sub: string
  email: string
  email_verified: boolean
  name: string
  given_name: string
  family_name: string
  [claim: string]: unknown
}

/** The users of one provider, found by name or by subject. */
export class UserDirectory {
  readonly users: readonly ProviderUser[]

  constructor(users: readonly ProviderUser[]) {
    if (users.length === 0) throw new TypeError('Expected `users` to name at least one user.')
    const names = new Set(users.map((user) => user.username))
    const subjects = new Set(users.map(subjectOf))
    if (names.size < users.length || subjects.size < users.length) {
      throw new TypeError('Expected every user to have a username and a subject of their own.')
    }
    this.users = users
  }

  /** The user whom the login page fills in if the request names none. */
  get first(): ProviderUser {
    const [first] = this.users
    if (!first) throw new TypeError('Expected `users` to name at least one user.')
    return first
  }

  /** Finds by username. */
  named(username: string): ProviderUser | undefined {
    return this.users.find((user) => user.username === username)
  }

  /** Finds by the `sub` that tokens carry. */
  withSubject(subject: string): ProviderUser | undefined {
    return this.users.find((user) => subjectOf(user) === subject)
  }

  /** Finds whom a `login_hint` means: a username, an e-mail address or a subject. */
  hinted(hint: string): ProviderUser | undefined {
    return this.named(hint) ?? this.withSubject(hint) ?? this.users.find((user) => emailOf(user) === hint)
  }
}

/** The `sub` of a user. */
export function subjectOf(user: ProviderUser): string {
  return user.subject ?? user.username
}

/** The e-mail address of a user. */
export function emailOf(user: ProviderUser): string {
  return user.email ?? `${user.username}@example.com`
}

/** The full name of a user, for pages and claims. */
export function nameOf(user: ProviderUser): string {
  return `${givenNameOf(user)} ${user.familyName ?? 'Example'}`
}

function givenNameOf(user: ProviderUser): string {
  return user.givenName ?? user.username.charAt(0).toUpperCase() + user.username.slice(1)
}

/** Every claim of a user; what a token may show of them is narrowed by its scopes. */
export function claimsOf(user: ProviderUser): UserClaims {
  return {
    sub: subjectOf(user),
    email: emailOf(user),
    email_verified: true,
    name: nameOf(user),
    given_name: givenNameOf(user),
    family_name: user.familyName ?? 'Example',
  }
}
