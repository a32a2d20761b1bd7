import { lazy } from '../util/lazy.ts'

/** Half of the library, of which a program that has a fresh token needs nothing: it is loaded with the first operation. */
export const loadOperations: () => Operations | Promise<Operations> = lazy(() => import('./operations.ts'))

type Operations = typeof import('./operations.ts')
