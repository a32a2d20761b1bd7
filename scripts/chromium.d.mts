/** The path of a Chromium: `CHROMIUM_PATH`, or where this system has it. */
export function findChromium(): string | undefined
