import { join } from 'node:path'

import { generateKey } from 'evergrant/seal'

import { startPostgres } from '../../../test/servers/start-postgres.ts'
import { startRedis } from '../../../test/servers/start-redis.ts'
import { diskFolder, type DiskFolder } from '../harness/disk.ts'
import type { Keeping } from '../rivals/keeping.ts'
import type { StoreKind } from '../rivals/open-store.ts'

/** Where the contestants of one table keep their tokens: a temporary folder on a real disk, and servers of the table's own. */
export class Places {
  readonly #folder: DiskFolder
  readonly #urls: Readonly<Partial<Record<StoreKind, string>>>
  readonly #stop: () => Promise<void>
  readonly #keys = `k1:${generateKey()}`
  #files = 0

  private constructor(folder: DiskFolder, urls: Partial<Record<StoreKind, string>>, stop: () => Promise<void>) {
    this.#folder = folder
    this.#urls = urls
    this.#stop = stop
  }

  /** Starts the servers that are installed here, as durable as they are by default (Redis: with every write on disk before its answer). */
  static async open(): Promise<Places> {
    const folder = await diskFolder()
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    return new Places(
      folder,
      {
        SQLite: join(folder.path, 'grants.db'),
        ...(postgres !== undefined && { PostgreSQL: postgres.url }),
        ...(redis !== undefined && { Redis: redis.url }),
      },
      async () => {
        await postgres?.stop()
        await redis?.stop()
      },
    )
  }

  /** A file that nobody has used. */
  file(): Keeping {
    this.#files += 1
    return { kind: 'file', path: join(this.#folder.path, `token-${this.#files}.json`) }
  }

  /** Undefined: this store is not installed here. */
  store(store: StoreKind): Keeping | undefined {
    const at = this.#urls[store]
    return at === undefined ? undefined : { kind: 'store', store, at, space: 'evergrant_bench', keys: this.#keys }
  }

  async close(): Promise<void> {
    await this.#stop()
    await this.#folder.remove()
  }
}
