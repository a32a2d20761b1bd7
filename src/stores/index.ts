/**
 * For authors of stores: the whole store contract over a small backend, and the contract's types.
 *
 * ```ts
 * import { storeOver, type Backend } from 'evergrant/store'
 *
 * export const myStore = (connection: Connection): GrantStore => storeOver(new MyBackend(connection))
 * ```
 * @module
 */
export type { Backend, DueRows, Found, Row, RowCount, RowFilter, RowIndex, RowPageRequest, Write } from './backend.ts'
export type { Change, ChangesAnswer, ChangesRequest } from './changes.ts'
export type { DocumentAnswer, Documents, StoredDocument } from './documents.ts'
export { byBytes, clientOfKey, keyRange } from './lists.ts'
export { storeOver, type StoreOverOptions } from './store-over.ts'
export type {
  ClaimAnswer,
  ClaimRequest,
  CommitAnswer,
  DeleteAnswer,
  DueRequest,
  Expectation,
  Failures,
  GrantContent,
  GrantCount,
  GrantPage,
  GrantRecord,
  GrantStore,
  Intent,
  Lease,
  ListFilter,
  NewGrant,
  PageRequest,
  ReleaseRequest,
  TokenCommit,
  VerdictCommit,
} from './store.ts'
