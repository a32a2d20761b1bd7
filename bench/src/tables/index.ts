import type { Bench } from '../harness/table.ts'
import { rejected } from './rejected.ts'
import { storm } from './storm.ts'

/** All tables, in the order of the page. */
export const BENCHES: readonly Bench[] = [storm, rejected]
