import type { ReauthorizationReason } from '../model/errors.ts'
import type { GrantKey } from '../model/grant-key.ts'

/** Minimum time that a change is kept. */
export const CHANGES_KEPT_MS: number = 7 * 24 * 3_600_000

/** One line of the change feed. It never contains a token. */
export interface Change {
  /**
   * `connected`: a login was stored. `reauthorization_required`: the grant has ended, and only a login restores it.
   * `disconnected`: the grant was deleted. `refreshed`: an ended grant is active again, or, in a store with
   * `everyRefresh`, any refresh.
   */
  readonly kind: 'connected' | 'reauthorization_required' | 'disconnected' | 'refreshed'
  readonly key: GrantKey
  /** Id of the login. */
  readonly id: string
  /** The version that the change made. Of a disconnected grant, its last one. */
  readonly version: number
  /** Store time, in milliseconds. */
  readonly at: number
  readonly reason?: ReauthorizationReason
}

/** Which changes to read. */
export interface ChangesRequest {
  /** `next` of the previous response. @default the oldest change that is kept */
  readonly after?: string | undefined
  /** Maximum number of changes. @default 100 */
  readonly limit?: number | undefined
}

/**
 * Some changes, and the cursor to continue from. `expired`: changes after the cursor were removed (they are kept for 7
 * days), or the cursor belongs to another database. Then list the grants, and continue from `next`, the feed's present
 * end.
 */
export interface ChangesAnswer {
  readonly expired?: boolean
  readonly changes: readonly Change[]
  readonly next: string
}

/** Parses a stored line. A damaged line gives no change, so that it does not stop its readers. */
export function changeIn(line: string): readonly Change[] {
  try {
    return [JSON.parse(line) as Change]
  } catch {
    return []
  }
}

/** The part of a grant's record that the feed depends on. */
type Recorded = Pick<Change, 'key' | 'id' | 'version'> & { state: string; reason?: Change['reason'] | undefined }

/** Returns what the feed says about a write. Undefined: nothing. */
export function changeOf(
  before: Recorded | undefined,
  after: Recorded | undefined,
  at: number,
  everyRefresh: boolean,
): Change | undefined {
  const record = after ?? before
  if (record === undefined) return undefined
  const told = { key: record.key, id: record.id, version: record.version, at: Math.round(at) }
  if (after === undefined) return { kind: 'disconnected', ...told }
  if (before?.id !== after.id) return { kind: 'connected', ...told }
  if (before.version === after.version) return undefined
  if (after.state !== 'active') {
    return { kind: 'reauthorization_required', ...told, ...(after.reason !== undefined && { reason: after.reason }) }
  }
  return everyRefresh || before.state !== 'active' ? { kind: 'refreshed', ...told } : undefined
}
