/** The command and arguments that run npm on this system. */
export function npm(...args: string[]): [command: string, args: string[]]
