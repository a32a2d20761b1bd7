import { lazy } from '../util/lazy.ts'
import type * as replacing from './replace-grant.ts'

/** Storing a login is of no use while tokens are fresh. Whoever sends a code loads it before. */
export const loadReplacing: () => typeof replacing | Promise<typeof replacing> = lazy(
  () => import('./replace-grant.ts'),
)
