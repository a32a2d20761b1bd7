import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Entry } from './entries.ts'

/** What importing took in a fresh process. */
export interface Import {
  readonly ms: number
  readonly rssBytes: number
}

const run = promisify(execFile)

async function probe(args: readonly string[]): Promise<Import & { readonly loaded: readonly string[] }> {
  const program = join(import.meta.dirname, 'import-probe.mjs')
  const { stdout } = await run(process.execPath, [program, ...args], { env: { ...process.env, NODE_OPTIONS: '' } })
  return JSON.parse(stdout) as Import & { loaded: readonly string[] }
}

export const importInProcess = ({ imports }: Entry): Promise<Import> => probe(Object.keys(imports))

/** The URLs of the modules that importing loads. */
export async function modulesOf({ imports }: Entry): Promise<readonly string[]> {
  return (await probe(['--modules', ...Object.keys(imports)])).loaded
}
