/** Whether the lockfile is the one that was installed last. */
export function isInstalled(): boolean
