import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { generateKey } from 'evergrant/seal'

import { clear, placeOf, type Place } from '../../../test/processes/stores.ts'
import { startPostgres } from '../../../test/servers/start-postgres.ts'
import { startRedis } from '../../../test/servers/start-redis.ts'
import { diskFolder, type DiskFolder } from '../harness/disk.ts'
import type { Keeping, StoreKind } from '../libraries/keep.ts'

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

  /** A file that is not there yet. */
  file(): Keeping {
    this.#files += 1
    return { kind: 'file', path: join(this.#folder.path, `token-${this.#files}.json`) }
  }

  /** Undefined: this store is not installed here. */
  store(store: StoreKind): Keeping | undefined {
    const at = this.#urls[store]
    return at === undefined ? undefined : { kind: 'store', store, at, space: 'evergrant_bench', keys: this.#keys }
  }

  /** Runs `work` with a place of its own in a store of this kind, which is cleared then. @throws Error when it is not installed */
  async within<T>(store: StoreKind, work: (place: Place) => Promise<T>): Promise<T> {
    const url = this.#urls[store]
    if (url === undefined) throw new Error(`Expected ${store} to be installed.`)
    const place = placeOf(store, store === 'SQLite' ? await this.#database() : url)
    try {
      return await work(place)
    } finally {
      await clear(place)
    }
  }

  /** What is cleared is a file's whole folder. */
  async #database(): Promise<string> {
    this.#files += 1
    const folder = join(this.#folder.path, `place-${this.#files}`)
    await mkdir(folder)
    return join(folder, 'grants.db')
  }

  async close(): Promise<void> {
    await this.#stop()
    await this.#folder.close()
  }
}
