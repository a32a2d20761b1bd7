import type { EventFault, Fault, RequestFault, Scenario, StoreFault, StorePoint } from './scenario.ts'

/** Chooses the fault of each trip or request, and counts the faults that happened. */
export class Faults {
  readonly struck: string[] = []
  enabled = false
  readonly #faults: readonly Fault[]
  readonly #counts = new Map<string, number>()

  constructor(scenario: Scenario) {
    this.#faults = scenario.faults
  }

  ofStore(point: StorePoint): StoreFault | undefined {
    return this.#next(point) as StoreFault | undefined
  }

  ofRequest(): RequestFault | undefined {
    return this.#next('request') as RequestFault | undefined
  }

  ofEvent(): EventFault | undefined {
    return this.#next('event') as EventFault | undefined
  }

  #next(point: Fault['point']): Fault['fault'] | undefined {
    if (!this.enabled) return undefined
    const nth = this.#counts.get(point) ?? 0
    this.#counts.set(point, nth + 1)
    const found = this.#faults.find((each) => each.point === point && each.nth === nth)
    if (found !== undefined)
      this.struck.push(`${point === 'request' || point === 'event' ? point : 'store'} ${found.fault}`, `at ${point}`)
    return found?.fault
  }
}
