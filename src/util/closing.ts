/**
 * Work that what owns it waits for when it closes. Each has a signal of its own, which aborts then: some hosts tie an
 * AbortController to the request that created it.
 */
export class Closing {
  readonly #running = new Map<Promise<unknown>, AbortController>()
  #closed = false

  run<T>(work: (closing: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController()
    if (this.#closed) controller.abort()
    const running = work(controller.signal).finally(() => this.#running.delete(running))
    this.#running.set(running, controller)
    return running
  }

  /** Aborts the signals. */
  close(): void {
    this.#closed = true
    for (const controller of this.#running.values()) controller.abort()
  }

  /** Waits for the work in progress, with any outcome. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running.keys())
  }
}
