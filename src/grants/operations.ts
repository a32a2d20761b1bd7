/** What `Grants` does with many grants at once. */
export { countGrants, listGrants, readChanges } from './list-grants.ts'
export { oldestDueMs } from './oldest-due.ts'
export { disconnectAll, recheckAll } from './many-grants.ts'
export { resealAll } from './reseal.ts'
