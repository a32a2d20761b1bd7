import { readFile, rename, writeFile } from 'node:fs/promises'

import type { StorePlace } from './open-store.ts'
import type { KeptToken } from './rival.ts'

/** Where an application keeps its token, in words that another process understands. */
export type Keeping =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  | ({ readonly kind: 'store' } & StorePlace)

/** What an application gives a library's hooks, or calls itself. */
export interface Keep {
  load(): Promise<KeptToken>
  save(token: KeptToken): Promise<void>
  /** Makes `save` reject, as a full disk would, or work again. */
  setSaving(works: boolean): void
}

/** Keeps a token in this process's memory, or in a JSON file that is replaced as a whole. */
export async function openKeep(keeping: Keeping, seed: KeptToken | undefined): Promise<Keep> {
  if (keeping.kind === 'store') throw new Error(`Expected a token to be kept in memory or a file, got ${keeping.at}.`)
  const place = keeping.kind === 'file' ? inFile(keeping.path) : inMemory()
  if (seed !== undefined) await place.save(seed)
  let works = true
  return {
    load: place.load,
    save: async (token) => {
      if (!works) throw new Error('No space left on device')
      await place.save(token)
    },
    setSaving: (value) => {
      works = value
    },
  }
}

type Place = Pick<Keep, 'load' | 'save'>

function inMemory(): Place {
  let kept: KeptToken | undefined
  return {
    load: async () => {
      if (kept === undefined) throw new Error('Expected a token to be kept before it is asked for.')
      return kept
    },
    save: async (token) => {
      kept = token
    },
  }
}

let written = 0

function inFile(path: string): Place {
  return {
    load: async () => JSON.parse(await readFile(path, 'utf8')) as KeptToken,
    save: async (token) => {
      // A name of its own, so that two writers never write into one file.
      const beside = `${path}.${process.pid}.${(written += 1)}`
      await writeFile(beside, JSON.stringify(token), { mode: 0o600 })
      await rename(beside, path)
    },
  }
}
