import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CHECKS, type Result } from './checks.ts'
import { installedPackage } from './installed.ts'
import { bundled, startServer } from './setup.ts'

export const NAMES: readonly string[] = Object.keys(CHECKS)

/** What goes before the program's path. Deno may use the network only. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  bun: ['run'],
  deno: ['run', '--no-prompt', '--allow-net', '--allow-env', '--no-config'],
}

let program: Promise<string> | undefined

/** Runs the checks in a runtime, alone in a folder: the one that is given by its path, of the kind that decides its arguments. */
export async function runProgram(kind: string, path: string): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'evergrant-runtime-'))
  const { origin, server } = await startServer()
  try {
    const file = join(folder, 'program.mjs')
    writeFileSync(file, await (program ??= bundled('program.ts')))
    const { stdout } = await promisify(execFile)(path, [...(ARGUMENTS[kind] ?? []), file, origin], {
      cwd: folder,
      timeout: 60_000,
      // Not the options of this process; Deno keeps what it compiled in a folder of its own.
      env: { PATH: process.env['PATH'], DENO_DIR: join(folder, 'deno'), NO_COLOR: '1' },
    })
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Result)
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  }
}

/** Runs the application that requires every subpath of the built package: what it prints, warnings included. */
export async function requireAll(kind: string, path: string): Promise<string> {
  using application = installedPackage()
  const before = kind === 'deno' ? ['run', '-A', '--no-prompt'] : (ARGUMENTS[kind] ?? [])
  const { stderr, stdout } = await promisify(execFile)(path, [...before, 'requires.cjs'], {
    cwd: application.folder,
    timeout: 60_000,
    env: { PATH: process.env['PATH'], DENO_DIR: join(application.folder, 'deno'), NO_COLOR: '1' },
  })
  return (stdout + stderr).trim()
}

/** Runs the application that loses the package's files while it runs: what it prints, by line. */
export async function runWithoutFiles(...options: string[]): Promise<readonly string[]> {
  using application = installedPackage()
  const run = promisify(execFile)(process.execPath, ['replaced.js', ...options], {
    cwd: application.folder,
    timeout: 60_000,
  })
  return (await run).stdout.trim().split('\n')
}
