import type { Change } from '../../src/stores/changes.ts'
import type { GrantRecord } from '../../src/stores/store.ts'

/** The change that the feed must have of a write, as `shown` shows it, or undefined. */
export function expectedChange(before: GrantRecord | undefined, after: GrantRecord | undefined): string | undefined {
  if (after === undefined) return before && `disconnected ${before.id} ${before.version}`
  if (before?.id !== after.id) return `connected ${after.id} ${after.version}`
  if (before.version === after.version) return undefined
  if (after.state !== 'active') return `reauthorization_required ${after.id} ${after.version}`
  return before.state === 'active' ? undefined : `refreshed ${after.id} ${after.version}`
}

export function shown({ kind, id, version }: Change): string {
  return `${kind} ${id} ${version}`
}
