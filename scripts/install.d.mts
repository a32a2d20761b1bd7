/** Whether all that the lockfile names is installed. */
export function isInstalled(): boolean
