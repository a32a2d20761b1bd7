import type { Fault, FaultOptions, FaultTarget, OrderedFault, PlainFaultKind } from './fault.ts'

/** The faults that were ordered and have not happened yet, in order. */
export class FaultQueue {
  #orders: FaultOrder[] = []

  /**
   * Orders a fault.
   * @throws {TypeError} when `times` is not a positive whole number or `Infinity`
   */
  order(fault: Fault | PlainFaultKind, { times = 1, on, clientId }: FaultOptions = {}): OrderedFault {
    if (!(times === Infinity || (Number.isInteger(times) && times > 0))) {
      throw new TypeError(`Expected \`times\` to be a positive whole number or Infinity, got: ${times}`)
    }
    const whole = typeof fault === 'string' ? { kind: fault } : fault
    const target = on ?? (whole.kind === 'unauthorized' ? 'userinfo' : 'refresh')
    const order = new FaultOrder(whole, target, clientId, times)
    this.#orders.push(order)
    return order
  }

  /** Takes the next fault for a request of these targets. */
  take(targets: readonly FaultTarget[], clientId: string | undefined): Fault | undefined {
    const order = this.pending().find((pending) => pending.meets(targets, clientId))
    return order?.serve()
  }

  /** Returns the orders that have not happened `times` times yet. */
  pending(): FaultOrder[] {
    this.#orders = this.#orders.filter(({ remaining }) => remaining > 0)
    return [...this.#orders]
  }

  /** Cancels all orders. */
  clear(): void {
    for (const order of this.#orders) order.cancel()
    this.#orders = []
  }
}

class FaultOrder implements OrderedFault {
  readonly fault: Fault
  readonly on: FaultTarget
  readonly #clientId: string | undefined
  #remaining: number
  #served = 0

  constructor(fault: Fault, on: FaultTarget, clientId: string | undefined, times: number) {
    this.fault = fault
    this.on = on
    this.#clientId = clientId
    this.#remaining = times
  }

  get remaining(): number {
    return this.#remaining
  }

  get served(): number {
    return this.#served
  }

  cancel(): void {
    this.#remaining = 0
  }

  meets(targets: readonly FaultTarget[], clientId: string | undefined): boolean {
    return targets.includes(this.on) && (this.#clientId === undefined || this.#clientId === clientId)
  }

  serve(): Fault {
    this.#remaining -= 1
    this.#served += 1
    return this.fault
  }
}
