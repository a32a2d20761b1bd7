import { lazy } from '../util/lazy.ts'
import type * as operations from './operations.ts'

/** Half of the library, of which a program that has a fresh token needs nothing: it is loaded with the first operation. */
export const loadOperations: () => typeof operations | Promise<typeof operations> = lazy(
  () => import('./operations.ts'),
)
