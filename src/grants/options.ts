import type { AuthorizationOptions, OAuth2Client } from '../client/oauth2-client.ts'
import type { Clock } from '../util/clock.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Logger } from '../model/logger.ts'
import type { Background } from '../refresh/background.ts'
import type { LoginResult } from '../login/login.ts'
import type { RefreshPolicy } from '../refresh/policy.ts'
import type { KeyRing } from '../seal/key-ring.ts'
import type { OAuth2Session } from '../session.ts'
import type { GrantStore } from '../stores/store.ts'
import type { Token } from '../model/token.ts'

/** Finds a client by name, for applications whose tenants have their own. */
export type ClientResolver = (name: string) => OAuth2Client | undefined | Promise<OAuth2Client | undefined>

/** How grants without a refresh token are refreshed, by client. */
export type Obtain<C> =
  C extends Record<string, OAuth2Client>
    ? { readonly [K in keyof C]?: (client: C[K], key: GrantKey) => Promise<Token> }
    : Readonly<Record<string, (client: OAuth2Client, key: GrantKey) => Promise<Token>>>

/** Options of `Grants`. */
export interface GrantsOptions<C extends Record<string, OAuth2Client>> {
  /** The clients by name, or a resolver. */
  readonly clients: C | ClientResolver
  /** Where grants are stored. @default memoryStore() */
  readonly store?: GrantStore | undefined
  /**
   * Encryption keys. Required by every store that outlives the process. A function is called at the first use: a build
   * that only loads the module needs no keys then.
   */
  readonly keys?: KeyRing | (() => KeyRing) | undefined
  /** How grants without a refresh token are refreshed: `{ acme: (client) => client.clientCredentials() }`. */
  readonly obtain?: Obtain<C> | undefined
  readonly policy?: RefreshPolicy | undefined
  /** How work that no caller waits for is run. @default 'detached' */
  readonly background?: Background | undefined
  /** Receives log lines, with every secret masked. */
  readonly logger?: Logger | undefined
  /** Source of time. @default the machine's clock */
  readonly clock?: Clock | undefined
}

/** Selects one of several grants of one subject at one client. */
export interface AccountOption {
  /** Distinguishes several grants of one subject at one client. @default '' */
  readonly account?: string
}

/** Options of one login. */
export interface ConnectOptions extends AuthorizationOptions, AccountOption {
  /** Where the user goes after the login: a path of this site. */
  readonly returnTo?: string | undefined
}

/** A completed login. */
export interface CompletedLogin extends LoginResult {
  readonly session: OAuth2Session
}
