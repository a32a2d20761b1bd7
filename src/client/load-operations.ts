import { lazy } from '../util/lazy.ts'
import type * as operations from './operations.ts'

/** Loads half of the library at the first operation: a program with a fresh token needs nothing of it. */
export const loadOperations: () => typeof operations | Promise<typeof operations> = lazy(
  () => import('./operations.ts'),
)
