import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, type TestContext } from 'vitest'

import { isInstalled } from '../../scripts/install.mjs'
import { npm } from '../../scripts/npm.mjs'
import { descendantsOf, processes, type SystemProcess } from '../../scripts/processes.mjs'
import { skipOnWindows } from '../system.ts'

const root = join(import.meta.dirname, '../..')
/** Installing, building and starting servers take a while on a busy machine. */
const START_MS = 60_000
const END_MS = 30_000

/** Skips a test of the real commands where they would install first, and so replace what this run loads. */
export function skipUnlessInstalled(context: Pick<TestContext, 'skip'>): void {
  skipOnWindows(context, 'processes and signals are POSIX')
  if (!isInstalled()) context.skip('the dependencies are not those of the lockfile: run `npm run build`')
}

/** One of the project's commands, run through npm in a process group of its own, as a terminal runs it. */
export class Command {
  readonly #child: ChildProcess
  readonly #temporary: string
  readonly #ended: Promise<unknown>
  #started: SystemProcess[] = []
  output = ''

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#temporary = mkdtempSync(join(tmpdir(), 'evergrant-'))
    // PostgreSQL runs as another user than root, in a folder below.
    chmodSync(this.#temporary, 0o711)
    const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|npm_lifecycle)/.test(name))
    const [command, npmArgs] = npm(...args)
    this.#child = spawn(command, npmArgs, {
      cwd: root,
      detached: true,
      // npm's own compile cache would lie among the temporary files.
      env: {
        ...Object.fromEntries(inherited),
        NODE_DISABLE_COMPILE_CACHE: '1',
        NO_COLOR: '1',
        TMPDIR: this.#temporary,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text))
    }
    this.#ended = once(this.#child, 'close')
    onTestFinished(() => this.#kill())
  }

  /** Waits until the command has written a line that fits, and returns it. */
  async line(pattern: RegExp): Promise<string> {
    const find = (): string | undefined => this.output.split('\n').find((line) => pattern.test(line))
    await this.#poll(find).toBeDefined()
    return find() ?? ''
  }

  /** Waits until processes whose commands fit these patterns have been started. */
  async started(...patterns: readonly RegExp[]): Promise<void> {
    const missing = (): readonly RegExp[] => {
      this.#started = descendantsOf(this.#child.pid!)
      return patterns.filter((pattern) => !this.#started.some(({ command }) => pattern.test(command)))
    }
    await this.#poll(missing).toEqual([])
  }

  /** Sends SIGTERM to npm alone, as a supervisor does, or SIGINT to all, as a terminal does at Ctrl+C. */
  signal(name: 'SIGTERM' | 'SIGINT'): void {
    this.#started = descendantsOf(this.#child.pid!)
    process.kill(name === 'SIGINT' ? -this.#child.pid! : this.#child.pid!, name)
  }

  /** Expects that nothing that was started runs, and that no temporary file is left. */
  async leavesNothing(): Promise<void> {
    await expect.poll(() => this.#running().map(({ command }) => command), { timeout: END_MS }).toEqual([])
    await expect.poll(() => readdirSync(this.#temporary), { timeout: END_MS }).toEqual([])
  }

  /** Resolves with the exit code. */
  async end(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }

  /** Polls until the command has ended. Then what it wrote says why. */
  #poll<T>(look: () => T): ReturnType<typeof expect.poll<T>> {
    const attempt = (): T | string => {
      const found = look()
      return this.#child.exitCode === null ? found : `It ended: ${this.output}`
    }
    return expect.poll(attempt as () => T, { timeout: START_MS })
  }

  #running(): SystemProcess[] {
    const ids = new Set(this.#started.map(({ pid, started }) => `${pid} ${started}`))
    return processes().filter(({ pid, started }) => ids.has(`${pid} ${started}`))
  }

  async #kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.signal('SIGTERM')
    await expect.poll(() => this.#running(), { timeout: END_MS }).toEqual([])
    rmSync(this.#temporary, { recursive: true, force: true })
  }
}
