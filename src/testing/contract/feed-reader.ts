import type { Change } from '../../stores/changes.ts'
import { check } from './stage.ts'

/** A member `changes`, of a store or of a backend. */
export type Read = (request: { readonly after?: string | undefined; readonly limit: number }) => Promise<{
  readonly expired?: boolean
  readonly changes: readonly Change[]
  readonly next: string
}>

/**
 * How long other transactions of the same server may hold a change back: one whose time cannot be moved, and any other.
 */
const PATIENCE_MS = [10_000, 1000] as const

/** The feed's present end. */
export async function endOf(read: Read): Promise<string> {
  let after: string | undefined
  for (;;) {
    const { changes, next } = await read({ after, limit: 1000 })
    if (changes.length === 0) return next
    after = next
  }
}

/** Reads a stage's changes after a cursor, in pages: waits until there are `count`, and reads to the end. */
export async function changesAfter(
  read: Read,
  { client, isFast }: { readonly client: string; readonly isFast: boolean },
  from: string,
  count: number,
  limit = 1000,
): Promise<Change[]> {
  const found: Change[] = []
  const until = performance.now() + PATIENCE_MS[isFast ? 1 : 0]
  for (let after = from; ;) {
    const { changes, next, expired } = await read({ after, limit })
    check(expired !== true, 'Expected a cursor of this feed to stay valid, got `expired`.')
    check(changes.length <= limit, `Expected at most ${limit} changes, got ${changes.length}.`)
    found.push(...changes.filter(({ key }) => key.client === client))
    if (changes.length === 0 && (found.length >= count || performance.now() > until)) return found
    if (changes.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    after = next
  }
}
