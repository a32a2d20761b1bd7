import type { KeptLogin } from '../client/flows/authorization-request.ts'
import type { InternalClient } from '../client/internal-client.ts'
import { checkedKey } from '../model/check-key.ts'
import type { GrantKey } from '../model/grant-key.ts'
import type { Identity } from '../refresh/identity.ts'
import type { CompleteOptions } from './login.ts'
import type { UnsavedLogin } from './unsaved-login.ts'

/** What this process knows of one login. */
export interface Attempt {
  /** Id of the grant. */
  readonly id: string
  /** The first user of the login, as passed to `once`: the same at each of its repeats. */
  readonly by: string
  /** Resolves when the first call has resolved or rejected. */
  work?: Promise<void> | undefined
  unsaved?: UnsavedLogin | undefined
  /** Whether the login failed although the code was sent. */
  isFailed?: boolean
  /** The error of the first call, or of the last one that replaced it. */
  error?: unknown
  done?: { readonly key: GrantKey; readonly identity: Identity | undefined } | undefined
}

export interface Call {
  readonly pending: Begun
  readonly options: CompleteOptions
  readonly core: InternalClient
}

/** What is known of a login from its start. Of one that the provider started, almost nothing. */
export type Begun = Pick<KeptLogin, 'client' | 'subject' | 'account' | 'returnTo' | 'createdAt' | 'nonce' | 'scope'>

export function isTaken({ done, isFailed, unsaved, work }: Attempt): boolean {
  return work !== undefined || unsaved !== undefined || isFailed === true || done !== undefined
}

/** The key of the grant, if it is known before the code is sent. */
export function keyBefore({ options, pending }: Call): GrantKey | undefined {
  const subject = typeof options.subject === 'string' ? options.subject : pending.subject
  if (subject === undefined || typeof options.account === 'function') return undefined
  return checkedKey(pending.client ?? '', subject, options.account ?? pending.account)
}

/** Returns the application's id of the user. Undefined: the application refused the login. */
export async function subjectOf(
  { subject }: CompleteOptions,
  identity: Identity | undefined,
): Promise<string | undefined> {
  if (typeof subject === 'string') return subject
  return identity === undefined ? undefined : ((await subject(identity)) ?? undefined)
}
