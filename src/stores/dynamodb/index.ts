/**
 * Grants in a DynamoDB table, shared by any number of processes and machines.
 *
 * ```ts
 * const client = new DynamoDB({})
 * const store = dynamodbStore(client, { table: 'grants' })
 * const grants = new Grants({ clients, store, keys: keyRing(process.env.EVERGRANT_KEYS) })
 * ```
 * @module
 */
import type { GrantStore } from '../store.ts'
import { storeOver } from '../store-over.ts'
import { DynamodbBackend } from './backend.ts'
import type { DynamodbClient } from './client.ts'

export type { DynamodbClient, DynamodbItem } from './client.ts'

/**
 * Returns a store in DynamoDB. It uses a `DynamoDB` of `@aws-sdk/client-dynamodb`, and does not close it. It has no
 * change feed.
 * Its time is the machine's: the clocks of all machines must agree within about one second.
 * @param options.table name of an existing table, as defined in docs/stores-dynamodb.md
 * @throws ConfigError for a client of another form
 */
export function dynamodbStore(client: DynamodbClient, options: { readonly table: string }): GrantStore {
  return storeOver(new DynamodbBackend(client, options.table))
}
