import type { Redis } from 'ioredis'

/** Removes what a test has left in a server that others may use too. */
export async function removeKeys(client: Redis, prefix: string): Promise<void> {
  for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1_000 }) as AsyncIterable<string[]>) {
    // One by one: a cluster's node refuses keys of several slots together.
    await Promise.all(keys.map((key) => client.unlink(key)))
  }
}
