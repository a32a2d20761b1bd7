import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { encodeKey, type GrantKey } from '../../src/model/grant-key.ts'
import type { Change } from '../../src/stores/changes.ts'
import { TYPE_FLAGS } from '../../scripts/type-flags.mjs'
import type { GrantRecord, GrantStore } from '../../src/stores/store.ts'
import { open, type Place } from './stores.ts'
import { pause, until } from './world.ts'

export interface FeedOptions {
  readonly place: Place
  /** Number of writers that are killed, one after another. */
  readonly kills: number
  /** Kills the server and starts it again. If absent, the server keeps running. */
  readonly killServer?: (() => Promise<void>) | undefined
  /** Number of killed writers between two kills of the server. @default 10 */
  readonly serverEvery?: number
  /** Called after each killed writer with their count. */
  readonly onKill?: (count: number) => void
}

export interface FeedReport {
  /** Number of changes that each reader read. */
  readonly read: readonly number[]
  /**
   * Differences between a reader's feed and the store: a change missed, repeated, out of order or without its
   * version.
   */
  readonly wrong: readonly string[]
  readonly kills: number
  readonly serverKills: number
}

const WRITERS = 3
const KEYS: readonly GrantKey[] = Array.from({ length: 8 }, (_, index) => ({
  client: 'feed',
  subject: `s${index}`,
  account: '',
}))

/** Kills writers and the server during their work while two readers read the feed. Then compares both with the store. */
export async function feed(options: FeedOptions): Promise<FeedReport> {
  const { place, kills, killServer, serverEvery = 10 } = options
  const shared = { ...place, everyRefresh: true }
  const opened = [open(shared), open(shared), open(shared)]
  const [own, ...stores] = opened.map(({ store }) => store)
  await own!.read(KEYS[0]!)
  const readers = stores.map((store, index) => new Reader(store, [7, 100][index] ?? 100))
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => startWriter(shared)))
  let serverKills = 0
  try {
    for (let count = 1; count <= kills; count += 1) {
      await pause(randomInt(120))
      const index = count % WRITERS
      const next = startWriter(shared)
      await stop(writers[index]!)
      if (killServer !== undefined && count % serverEvery === 0) {
        await killServer()
        serverKills += 1
      }
      writers[index] = await next
      options.onKill?.(count)
    }
    await Promise.all(writers.map(stop))
    const wrong: string[] = []
    for (const reader of readers) {
      await reader.finish()
      for (const key of KEYS) wrong.push(...faults(reader.of(key), await stored(own!, key)))
    }
    return { read: readers.map(({ count }) => count), wrong, kills, serverKills }
  } finally {
    await Promise.all(writers.map(stop))
    for (const reader of readers) reader.stop()
    for (const { end, store } of opened) {
      await store.close()
      await end()
    }
  }
}

/** Reads the feed without end, and keeps its cursor only after the changes. */
class Reader {
  readonly #store: GrantStore
  readonly #limit: number
  readonly #changes: Change[] = []
  #after: string | undefined
  #empty = 0
  #stopped = false
  readonly #done: Promise<void>
  #failure: unknown

  constructor(store: GrantStore, limit: number) {
    this.#store = store
    this.#limit = limit
    this.#done = this.#run().catch((error: unknown) => {
      this.#failure = error
    })
  }

  get count(): number {
    return this.#changes.length
  }

  of(key: GrantKey): readonly Change[] {
    return this.#changes.filter((change) => encodeKey(change.key) === encodeKey(key))
  }

  stop(): void {
    this.#stopped = true
  }

  /** Resolves at the end of the feed. */
  async finish(): Promise<void> {
    this.#empty = 0
    await until('the feed was read to its end', () => this.#empty >= 5 || this.#failure !== undefined, 60_000)
    this.stop()
    await this.#done
    if (this.#failure !== undefined) throw this.#failure as Error
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const answer = await this.#store.changes!({ after: this.#after, limit: this.#limit }).catch(() => undefined)
      if (answer?.expired === true) throw new Error('A cursor expired, although nothing was removed.')
      if (answer !== undefined) {
        this.#changes.push(...answer.changes)
        this.#after = answer.next
        this.#empty = answer.changes.length === 0 ? this.#empty + 1 : 0
      }
      if (answer === undefined || answer.changes.length === 0) await pause(10)
    }
  }
}

/** Finds changes of a grant that are not a chain of its versions, or that do not end with the stored one. */
function faults(changes: readonly Change[], record: GrantRecord | undefined): string[] {
  const found: string[] = []
  let last: Change | undefined
  for (const change of changes) {
    const follows =
      change.kind === 'disconnected'
        ? last?.kind !== 'disconnected' && last?.id === change.id && last.version === change.version
        : change.version === (last === undefined || last.kind === 'disconnected' ? 1 : last.version + 1) &&
          (change.kind === 'connected') === (last?.kind === 'disconnected' || last?.id !== change.id)
    if (!follows) found.push(`${told(last)} is followed by ${told(change)}`)
    last = change
  }
  const alive = last !== undefined && last.kind !== 'disconnected' ? last : undefined
  if (alive?.id !== record?.id || alive?.version !== record?.version)
    found.push(`${told(last)} is the last change, and the store has ${record?.id} ${record?.version}`)
  return found
}

const told = (change: Change | undefined): string =>
  change === undefined ? 'nothing' : `${change.kind} ${change.id.slice(0, 6)} ${change.version}`

async function stored(store: GrantStore, key: GrantKey): Promise<GrantRecord | undefined> {
  return (await store.read(key)).record
}

async function startWriter(place: Place): Promise<ChildProcess> {
  const child = fork(
    fileURLToPath(new URL('feed-writer.ts', import.meta.url)),
    [JSON.stringify(place), JSON.stringify(KEYS)],
    {
      env: { ...process.env, NODE_OPTIONS: TYPE_FLAGS },
    },
  )
  await once(child, 'message')
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
