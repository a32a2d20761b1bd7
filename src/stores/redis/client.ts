import { ConfigError } from '../../errors.ts'

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

/** Runs one script, by its digest or its text. */
export interface ScriptRunner {
  bySha(sha: string, keys: readonly string[], parameters: readonly string[]): Promise<unknown>
  byText(text: string, keys: readonly string[], parameters: readonly string[]): Promise<unknown>
}

/** @throws ConfigError for a client of another form */
export function scriptRunner(client: IoredisClient | NodeRedisClient): ScriptRunner {
  if (has(client, 'evalSha') && has(client, 'eval')) {
    const node = client as NodeRedisClient
    return {
      bySha: (sha, keys, parameters) => node.evalSha(sha, { keys: [...keys], arguments: [...parameters] }),
      byText: (text, keys, parameters) => node.eval(text, { keys: [...keys], arguments: [...parameters] }),
    }
  }
  if (has(client, 'evalsha') && has(client, 'eval')) {
    const io = client as IoredisClient
    return {
      bySha: (sha, keys, parameters) => io.evalsha(sha, keys.length, ...keys, ...parameters),
      byText: (text, keys, parameters) => io.eval(text, keys.length, ...keys, ...parameters),
    }
  }
  throw new ConfigError(
    "Expected a client of 'ioredis' (new Redis(url)) or of 'redis' 4 or newer (await createClient({ url }).connect()).",
  )
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === 'function'
}
