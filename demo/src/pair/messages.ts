import type { OAuth2ClientOptions, RefreshPolicy } from 'evergrant'
import type { StoreChoice } from '../store/store-choice.ts'

/** What a worker process is told first, by message: what stands on a command line is seen by everybody. */
export interface WorkerOrder {
  readonly store: StoreChoice
  /** Sealing keys in `keyRing`'s form. */
  readonly keys: string
  readonly clientName: string
  readonly client: Pick<OAuth2ClientOptions, 'provider' | 'clientId' | 'timeoutMs'> & { readonly clientSecret: string }
  readonly policy: RefreshPolicy
  readonly subject: string
  readonly tokenUrl: string
  /** The protected resource that it calls. */
  readonly resourceUrl: string
  readonly callEveryMs: number
}

/** What a worker process tells of itself. */
export type WorkerNews =
  | { readonly kind: 'ready' }
  /** It has called the resource. */
  | { readonly kind: 'called'; readonly ok: boolean; readonly result: string; readonly fingerprint?: string }
  /** It sends the refresh token. */
  | { readonly kind: 'asking' }
  /** The provider's answer is there, or none will come. */
  | { readonly kind: 'answered'; readonly ok: boolean }
  /** The new token is saved. */
  | { readonly kind: 'refreshed'; readonly durationMs: number }
  | { readonly kind: 'failed'; readonly code: string }
