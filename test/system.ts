import type { TestContext } from 'vitest'

/** Skips a test on Windows, and says why. */
export function skipOnWindows({ skip }: Pick<TestContext, 'skip'>, reason: string): void {
  if (process.platform === 'win32') skip(`not on Windows: ${reason}`)
}

export const NO_MODES = 'files have no POSIX modes there'
export const NO_SIGNALS = 'a program cannot catch SIGTERM there'
export const OPEN_FILES = 'a file that is open cannot be removed or renamed there'
