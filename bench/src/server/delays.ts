import { isMainThread, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads'

/** One delay. `at`: milliseconds since the epoch, the same in every thread. */
interface Due {
  readonly id: number
  readonly at: number
}

const now = (): number => performance.timeOrigin + performance.now()

/**
 * Delays that are spread evenly, to a fraction of a millisecond: a timer ends on whole milliseconds, which would bunch responses.
 * A thread of its own sleeps until the next one is due. The sequence is the same in every process.
 */
export class Delays {
  readonly #signal = new Int32Array(new SharedArrayBuffer(4))
  readonly #waiting = new Map<number, () => void>()
  #thread: Worker | undefined
  #seed = 1
  #last = 0

  after([least, most]: readonly [number, number], call: () => void): void {
    const id = (this.#last += 1)
    this.#waiting.set(id, call)
    this.#thread ??= this.#start()
    this.#thread.postMessage({ id, at: now() + least + this.#random() * (most - least) } satisfies Due, [])
    Atomics.add(this.#signal, 0, 1)
    Atomics.notify(this.#signal, 0)
  }

  #start(): Worker {
    const thread = new Worker(new URL(import.meta.url), { workerData: this.#signal })
    thread.on('message', (id: number) => {
      this.#waiting.get(id)?.()
      this.#waiting.delete(id)
    })
    return thread
  }

  /** Evenly between 0 and 1, by a linear congruential generator. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return this.#seed / 2 ** 32
  }
}

if (!isMainThread) wake(workerData as Int32Array<SharedArrayBuffer>)

function wake(signal: Int32Array<SharedArrayBuffer>): never {
  const port = parentPort
  if (port === null) throw new Error('Expected a parent.')
  let waiting: Due[] = []
  for (;;) {
    const seen = Atomics.load(signal, 0)
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      waiting.push(got.message as Due)
    }
    const time = now()
    for (const { at, id } of waiting) if (at <= time) port.postMessage(id)
    waiting = waiting.filter(({ at }) => at > time)
    Atomics.wait(signal, 0, seen, Math.min(...waiting.map(({ at }) => at), time + 60_000) - time)
  }
}
