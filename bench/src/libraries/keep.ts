import { readFile, rename, writeFile } from 'node:fs/promises'

import type { Token } from '../server/protocol.ts'

export type StoreKind = 'SQLite' | 'PostgreSQL' | 'Redis'

/** Where an application keeps its token, in words that another process understands. */
export type Keeping =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  /** One of Evergrant's stores: a file's path or a server's URL, a schema's or prefix's name of the run's own, and sealing keys. */
  | ({ readonly kind: 'store'; readonly store: StoreKind } & Readonly<Record<'at' | 'space' | 'keys', string>>)

/** What an application gives a library's hooks, or calls itself. */
export interface Keep {
  load(): Promise<Token>
  save(token: Token): Promise<void>
  /** Makes `save` reject, as a full disk would, or work again. */
  setSaving(works: boolean): void
}

/** Keeps a token in this process's memory, or in a JSON file that is replaced as a whole. */
export async function openKeep(keeping: Keeping, seed: Token | undefined): Promise<Keep> {
  if (keeping.kind === 'store') throw new Error(`Expected a token to be kept in memory or a file, got ${keeping.at}.`)
  const { load, save } = keeping.kind === 'file' ? inFile(keeping.path) : inMemory()
  if (seed !== undefined) await save(seed)
  let works = true
  return {
    load,
    save: async (token) => {
      if (!works) throw new Error('No space left on device')
      await save(token)
    },
    setSaving: (value) => void (works = value),
  }
}

function inMemory(): Omit<Keep, 'setSaving'> {
  let kept: Token | undefined
  return {
    load: async () => {
      if (kept === undefined) throw new Error('Expected a token to be kept before it is loaded.')
      return kept
    },
    save: async (token) => void (kept = token),
  }
}

let written = 0

function inFile(path: string): Omit<Keep, 'setSaving'> {
  return {
    load: async () => JSON.parse(await readFile(path, 'utf8')) as Token,
    save: async (token) => {
      // A name of its own, so that two writers never write into one file.
      const temporary = `${path}.${process.pid}.${(written += 1)}`
      await writeFile(temporary, JSON.stringify(token), { mode: 0o600 })
      await rename(temporary, path)
    },
  }
}
