import { isEvergrantError, type Grants } from 'evergrant'
import type { LabView } from '../faults/lab-view.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { lifeOf, type TokenLife } from './token-life.ts'

/** What the page shows and keeps up to date. */
export interface LiveView {
  /** The server's clock: the visitor's may be wrong. */
  readonly now: number
  /** The grant has ended: the page has to be loaded anew to say so. */
  readonly ended: boolean
  readonly life: TokenLife | undefined
  /** Newest first. */
  readonly timeline: readonly JournalEntry[]
  /** Why no token can be had at the moment. */
  readonly trouble?: string
  readonly lab?: LabView
}

export interface LiveViewParts {
  readonly grants: Grants
  readonly journal: Journal
  /** The client's name. */
  readonly client: string
}

const mostShown = 6

/** Asks for the token, as any call would, and tells how it stands with the grant. */
export async function viewGrant({ client, grants, journal }: LiveViewParts, subject: string): Promise<LiveView> {
  const timeline = journal.entries({ client, subject }).slice(0, mostShown)
  const session = grants.session(client, subject)
  try {
    const token = await session.token()
    const status = await session.status()
    return { now: Date.now(), ended: status.state !== 'active', life: lifeOf(token, status), timeline }
  } catch (error) {
    if (!isEvergrantError(error)) throw error
    const now = Date.now()
    if (!error.retryable) return { now, ended: true, life: undefined, timeline }
    return { now, ended: false, life: undefined, timeline, trouble: error.message }
  }
}
