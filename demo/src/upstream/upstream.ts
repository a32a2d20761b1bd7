import type { DevelopmentProvider } from '@evergrant/provider'
import type { OAuth2ClientOptions } from 'evergrant'

/** The authorization server that the demo works against. */
export interface Upstream {
  /** The client's name in `Grants`. */
  readonly name: string
  /** What people call it. */
  readonly title: string
  readonly client: Pick<OAuth2ClientOptions, 'provider' | 'clientId' | 'clientSecret' | 'scope'>
  /** The protected resource that the demo calls. */
  readonly userInfoUrl: string
  /** Google's check of an access token; where there is none, introspection (RFC 7662) is used. */
  readonly tokenInfoUrl: string | undefined
  /** The provider that runs in this process, with its faults and counters. */
  readonly embedded: DevelopmentProvider | undefined
}
