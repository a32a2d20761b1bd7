import type { ReauthorizationReason } from 'evergrant'
import type { GrantRecord } from 'evergrant/store'
import type { JournalEntry, LogLine } from '../live/journal.ts'
import { fingerprintOf } from '../token-view.ts'
import type { SwitchKind } from './fault-kinds.ts'

/** One call that was made in the laboratory, and what its caller got. */
export interface CallerEntry {
  readonly at: number
  readonly call: 'profile' | 'refresh'
  readonly ok: boolean
  /** A status or an error's code. */
  readonly result: string
  readonly ms: number
}

/** The record of the throw-away grant as the store holds it. */
export interface StoreView {
  readonly state: GrantRecord['state']
  readonly reason?: ReauthorizationReason
  readonly version: number
  readonly expiresAt?: number
  /** A fingerprint of the sealed token: that it changes can be seen. */
  readonly sealed: string
  readonly sealedLength: number
  readonly failure?: { readonly code: string; readonly count: number; readonly notBefore: number }
  /** Until when one process may redeem. */
  readonly leaseUntil?: number
  /** A refresh whose outcome is not known. */
  readonly openIntent?: { readonly attempt: number; readonly sendBefore: number }
}

/** The laboratory as the page shows it. */
export interface LabView {
  readonly on: SwitchKind | null
  /** The latest profile calls, newest first. */
  readonly beats: readonly CallerEntry[]
  /** The latest refreshes that were asked for, newest first. */
  readonly refreshes: readonly CallerEntry[]
  readonly timeline: readonly JournalEntry[]
  readonly log: readonly LogLine[]
  readonly store: StoreView | null
}

/** What may be shown of a record: everything but the sealed token itself. */
export function viewRecord(record: GrantRecord): StoreView {
  const { expiresAt, failures, intent, lease, reason, sealed, state, version } = record
  return {
    state,
    ...(reason !== undefined && { reason }),
    version,
    ...(expiresAt !== undefined && { expiresAt }),
    sealed: fingerprintOf(sealed),
    sealedLength: sealed.length,
    ...(failures !== undefined && {
      failure: { code: failures.code, count: failures.count, notBefore: failures.notBefore },
    }),
    ...(lease !== undefined && { leaseUntil: lease.until }),
    ...(intent?.open === true && { openIntent: { attempt: intent.attempt, sendBefore: intent.sendBefore } }),
  }
}
