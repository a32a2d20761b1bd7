import { systemClock } from '../../util/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import { isAcrossSlots, isOnTheMove, redisFailure } from './errors.ts'
import { keep } from './scripts.ts'

/** The part of an `ioredis` client (or `Cluster`) that the store uses. */
export interface IoredisClient {
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
}

/** The part of a `redis` (node-redis 4 or newer) client, pool, sentinel or cluster that the store uses. */
export interface NodeRedisClient {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** Additional commands of `ioredis`. */
interface BuiltinCommands {
  createBuiltinCommand(name: string): { readonly string: IoredisClient['eval'] }
}

type Texts = readonly string[]

/** Runs a script, by its digest or its text. `alone`: not sent together with others. */
type Runner = (by: 'sha' | 'text', script: string, keys: Texts, parameters: Texts, alone: boolean) => Promise<unknown>

/** Version of the form of keys and values that this release knows. */
const KEYS_VERSION = 2

/** How long a script is sent again that did not run because slots are moving. */
const MOVING_MS = 5000

/** Longest wait before such a repeat, jittered. */
const LONGEST_WAIT_MS = 250

/** A client of either kind, as the backend uses it. */
export class Connection {
  readonly #run: Runner
  readonly #versionKey: string
  readonly #digests = new Map<string, string>()
  #checked: Promise<void> | undefined
  /** Whether the server is a Cluster: then no script works in several buckets. */
  #apart = false

  /** @throws ConfigError for a client of another form */
  constructor(client: IoredisClient | NodeRedisClient, versionKey: string) {
    this.#run = runnerOf(client)
    this.#versionKey = versionKey
  }

  /**
   * Runs a script: all of it or, if it rejects, perhaps.
   * @throws ConfigError for keys of a newer form, which stay unchanged
   */
  async run(script: string, keys: Texts, parameters: Texts): Promise<unknown> {
    this.#checked ??= this.#check()
    await this.#checked
    return this.#send(script, keys, parameters)
  }

  /**
   * Runs a script that returns a list with a result for each of these buckets or rows: for all at once, or for each
   * bucket separately if a Cluster distributes them. `names` are an item's keys. `own` are its parameters, which follow
   * those of all.
   */
  async each<T extends number | { readonly bucket: number }>(
    script: string,
    items: readonly T[],
    names: (item: T) => Texts,
    parameters: Texts,
    own: (item: T) => Texts = () => [],
  ): Promise<readonly unknown[]> {
    const ask = async (group: readonly T[]): Promise<readonly unknown[]> => {
      const keys = group.flatMap((item) => names(item))
      return (await this.run(script, keys, [...parameters, ...group.flatMap((item) => own(item))])) as unknown[]
    }
    if (!this.#apart) {
      try {
        return await ask(items)
      } catch (error) {
        if (!isAcrossSlots(error)) throw error
        this.#apart = true
      }
    }
    const groups: T[][] = []
    for (const item of items) (groups[typeof item === 'number' ? item : item.bucket] ??= []).push(item)
    const found = new Map<T, unknown>()
    const fill = async (group: readonly T[]): Promise<void> => {
      const results = await ask(group)
      for (const [index, item] of group.entries()) found.set(item, results[index])
    }
    await Promise.all(groups.filter(Boolean).map(fill))
    return items.map((item) => found.get(item))
  }

  async #check(): Promise<void> {
    try {
      const version = replyText(await this.#send(keep, [this.#versionKey], [`${KEYS_VERSION}`]))
      if (Number(version) <= KEYS_VERSION) return
      throw new ConfigError(
        `The keys of the Redis store are of version ${version}, and this process knows ${KEYS_VERSION}: ` +
          'a newer release made them. Upgrade this process; nothing was changed.',
      )
    } catch (error) {
      this.#checked = undefined
      throw error
    }
  }

  /** While a Cluster moves slots, a script that did not run is sent again, on its own. */
  async #send(script: string, keys: Texts, parameters: Texts): Promise<unknown> {
    const giveUpAt = systemClock.monotonic() + MOVING_MS
    for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        return await this.#sendOnce(script, keys, parameters, waitMs > 1)
      } catch (error) {
        if (!isOnTheMove(error) || systemClock.monotonic() >= giveUpAt) throw redisFailure(error, parameters)
      }
      await systemClock.delay(Math.random() * waitMs)
    }
  }

  /** A server that does not know the script gets its text. */
  async #sendOnce(script: string, keys: Texts, parameters: Texts, alone: boolean): Promise<unknown> {
    const sha = this.#digests.get(script) ?? (await this.#digest(script))
    return this.#run('sha', sha, keys, parameters, alone).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return this.#run('text', script, keys, parameters, alone)
    })
  }

  /** SHA-1 in hexadecimal: EVALSHA's name of a script. */
  async #digest(script: string): Promise<string> {
    const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(script)))
    const sha = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    this.#digests.set(script, sha)
    return sha
  }
}

/** Returns a reply's text. Clients may be set to return bytes. */
export function replyText(value: unknown): string {
  if (typeof value === 'string') return value
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value)
}

function runnerOf(client: IoredisClient | NodeRedisClient): Runner {
  if (has(client, 'evalSha') && has(client, 'eval')) {
    const node = client as NodeRedisClient
    return (by, script, keys, parameters) =>
      node[by === 'sha' ? 'evalSha' : 'eval'](script, { keys: [...keys], arguments: [...parameters] })
  }
  if (has(client, 'evalsha') && has(client, 'eval')) {
    const io = client as IoredisClient & BuiltinCommands
    return (by, script, keys, parameters, alone) => {
      const name = by === 'sha' ? 'evalsha' : 'eval'
      // ioredis may send the commands of one turn together. A command made like this is sent alone.
      const run = alone && has(io, 'createBuiltinCommand') ? io.createBuiltinCommand(name).string : io[name]
      return run.call(io, script, keys.length, ...keys, ...parameters)
    }
  }
  throw new ConfigError(
    "Expected client to be one of 'ioredis' (new Redis(url)) or of 'redis' 4 or newer (await createClient({ url }).connect()).",
  )
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === 'function'
}
