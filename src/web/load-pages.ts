import { lazy } from '../util/lazy.ts'
import type * as pages from './pages.ts'

/** Loads what draws pages, when the first one is drawn. */
export const loadPages: () => typeof pages | Promise<typeof pages> = lazy(() => import('./pages.ts'))
