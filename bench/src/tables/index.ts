import type { Bench } from '../harness/table.ts'

/** All tables, in the order of the page. */
export const BENCHES: readonly Bench[] = []
