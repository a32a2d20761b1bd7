import { lazy } from '../util/lazy.ts'
import type * as replacing from './replace-grant.ts'

/** Storing a login is not needed while tokens are fresh: the code exchange loads it before it sends the code. */
export const loadReplacing: () => typeof replacing | Promise<typeof replacing> = lazy(
  () => import('./replace-grant.ts'),
)
