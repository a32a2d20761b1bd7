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

/** Clients by name, as an object or as a look-up (where tenants bring their own). */
export type ClientResolver = (name: string) => OAuth2Client | undefined | Promise<OAuth2Client | undefined>

/** How grants without a refresh token are renewed, by client. */
export type Obtain<C> =
  C extends Record<string, OAuth2Client>
    ? { readonly [K in keyof C]?: (client: C[K], key: GrantKey) => Promise<Token> }
    : Readonly<Record<string, (client: OAuth2Client, key: GrantKey) => Promise<Token>>>

/** What `Grants` is made of. */
export interface GrantsOptions<C extends Record<string, OAuth2Client>> {
  /** The clients by name, or a resolver. */
  readonly clients: C | ClientResolver
  /** @default memoryStore() */
  readonly store?: GrantStore
  /**
   * Sealing keys; required by every store that outlives the process. A function is called at the first use: a build that only loads the module
   * needs no keys then.
   */
  readonly keys?: KeyRing | (() => KeyRing)
  /** How grants without a refresh token are renewed: e.g. `{ acme: (client) => client.clientCredentials() }`. */
  readonly obtain?: Obtain<C>
  readonly policy?: RefreshPolicy
  /** Where work goes that nobody waits for. @default 'detached' */
  readonly background?: Background
  /** Gets what happens, with every secret masked. */
  readonly logger?: Logger
  /** @default the machine's clock */
  readonly clock?: Clock
}

/** Which of several grants of one subject at one client. */
export interface AccountOption {
  /** Tells several grants of one subject at one client apart. @default '' */
  readonly account?: string
}

/** What one log-in may differ in. */
export interface ConnectOptions extends Omit<AuthorizationOptions, 'redirectUri'>, AccountOption {
  /** Where the user wants to go afterwards: a path of this site. */
  readonly returnTo?: string
}

/** A finished log-in. */
export interface CompletedLogin extends LoginResult {
  readonly session: OAuth2Session
}
