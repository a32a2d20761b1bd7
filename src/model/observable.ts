import type { Observers } from './observer.ts'

/** What is read of `Grants`, or of a session of its own, to observe them. Not public. */
export interface Observable {
  readonly observers: Observers
  /** What the store has. Absent: there is no store of many grants. */
  readonly stored?: StoredGrants | undefined
}

/** What is read of stored grants. */
export interface StoredGrants {
  counts(): Promise<readonly StateCount[]>
  /** Resolves to the time since the oldest due grant became due, in ms. 0 if none is due. */
  oldestDueMs(): Promise<number>
}

/** Number of grants of one client in one state. */
interface StateCount {
  readonly client: string
  readonly state: string
  readonly count: number
}

const observables = new WeakMap<object, Observable>()

/** Makes an object observable. */
export function makeObservable(source: object, observable: Observable): void {
  observables.set(source, observable)
}

/** Returns what is observed of an object. Undefined for any other value. */
export function observableOf(source: unknown): Observable | undefined {
  return typeof source === 'object' && source !== null ? observables.get(source) : undefined
}
