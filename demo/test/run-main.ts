import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './setup.ts'

const main = join(import.meta.dirname, '..', 'dist', 'main.js')

/** The demo as a process of its own. */
export interface Run {
  readonly lines: string[]
  readonly errors: string[]
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
  /** Resolves when a line fits. */
  line(pattern: RegExp): Promise<string>
  stop(signal?: NodeJS.Signals): void
}

/** Starts the command; it ends with the test. */
export function runMain(env: Record<string, string>): Run {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'] ?? '',
      // Older Nodes warn of node:sqlite.
      NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
      DATABASE: join(temporaryFolder(), 'demo.db'),
      ...env,
    },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [lines, errors]: [string[], string[]] = [[], []]
  const waiting = new Set<() => void>()
  const collect = (into: string[]) => (text: string) => {
    into.push(...text.split('\n').filter((line) => line !== ''))
    for (const check of waiting) check()
  }
  child.stdout.setEncoding('utf8').on('data', collect(lines))
  child.stderr.setEncoding('utf8').on('data', collect(errors))
  return {
    lines,
    errors,
    ended: new Promise((resolve) => void child.once('close', resolve)),
    line: (pattern) =>
      new Promise((resolve) => {
        const check = (): void => {
          const found = lines.find((line) => pattern.test(line))
          if (found !== undefined) resolve(found)
        }
        waiting.add(check)
        check()
      }),
    stop: (signal = 'SIGTERM') => void child.kill(signal),
  }
}
