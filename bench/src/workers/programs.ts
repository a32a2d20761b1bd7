import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { RIVALS, type RivalName } from '../rivals/index.ts'
import type { Program } from './worker-process.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The program that runs this rival; undefined: it is not installed here. */
export function programOf(rival: RivalName): Program | undefined {
  return RIVALS[rival].load === undefined ? python() : nodeProgram()
}

/** One program for everything that runs in Node.js: it loads what it is told to open. */
export function nodeProgram(): Program {
  const own = import.meta.url.endsWith('.ts') ? 'contestant-worker.ts' : 'contestant-worker.js'
  return { command: process.execPath, args: ['--expose-gc', here(own)] }
}

let found: Program | null | undefined

/** Debian's package is for Debian's own interpreter, which may not be the first in the PATH. */
function python(): Program | undefined {
  found ??=
    ['/usr/bin/python3', 'python3']
      .filter((command) => spawnSync(command, ['-c', 'import requests_oauthlib']).status === 0)
      .map((command) => ({ command, args: [here('requests_oauthlib_worker.py')] }))[0] ?? null
  return found ?? undefined
}
