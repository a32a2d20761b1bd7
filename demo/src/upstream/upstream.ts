import type { DevelopmentProvider } from '@evergrant/provider'
import type { OAuth2ClientOptions, RefreshPolicy } from 'evergrant'

/** A client at the embedded provider. */
export interface EmbeddedClient {
  readonly clientId: string
  readonly clientSecret: string
}

/** The provider that runs in this process, with its faults and counters. */
export interface Embedded {
  readonly provider: DevelopmentProvider
  /** Clients for throw-away grants: what is done to those touches no visitor's. */
  readonly clients: {
    readonly usualCode: EmbeddedClient
    readonly evergrant: EmbeddedClient
    readonly faultLab: EmbeddedClient
  }
  /** The names in `Grants` of those that Evergrant works for. */
  readonly names: { readonly storm: string; readonly lab: string }
}

/** How a token is checked at the provider: Google's way, RFC 7662's, or not at all. */
export type Validation =
  | { readonly kind: 'tokeninfo'; readonly url: string }
  | { readonly kind: 'introspection' }
  | { readonly kind: 'none' }

/** The authorization server that the demo works against. */
export interface Upstream {
  /** The client's name in `Grants`. */
  readonly name: string
  /** What people call it. */
  readonly title: string
  readonly client: Pick<OAuth2ClientOptions, 'provider' | 'clientId' | 'clientSecret' | 'scope' | 'timeoutMs'>
  readonly policy?: RefreshPolicy
  /** The protected resource that the demo calls. */
  readonly userInfoUrl: string
  readonly validation: Validation
  readonly embedded: Embedded | undefined
}
