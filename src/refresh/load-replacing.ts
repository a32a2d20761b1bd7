import { lazy } from '../util/lazy.ts'

/** Storing a login is of no use while tokens are fresh. Whoever sends a code loads it before. */
export const loadReplacing: () => Replacing | Promise<Replacing> = lazy(() => import('./replace-grant.ts'))

type Replacing = typeof import('./replace-grant.ts')
