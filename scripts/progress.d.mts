/** Shows that work is in progress until it has ended: a line that moves on a terminal, plain lines elsewhere. */
export function during<T>(
  what: string,
  work: (update: (detail: string) => void) => Promise<T>,
  everyMs?: number,
): Promise<T>

/** Prints a line, above the one that moves. */
export function say(text: string): void
