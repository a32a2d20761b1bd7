/** The test files that the arguments name, as paths from the root; fails when a name fits none. */
export function filesOf(args: readonly string[], files?: readonly string[]): string[]
