import { storeFailure } from '../failure.ts'

const ADVICE: readonly (readonly [name: RegExp, advice: string])[] = [
  [/ResourceNotFound/, "Create the table as docs/stores-dynamodb.md says, and check the client's region."],
  [/AccessDenied/, 'Allow dynamodb:GetItem, UpdateItem, Query and Scan on the table and its index.'],
  [/Throttling|Throughput|RequestLimit/, "Raise the table's capacity, or make it on-demand."],
]

export const nameOf = (error: unknown): string => String((error as { readonly name?: unknown } | undefined)?.name)

/** Makes the store's error for one of the client, without the request's values. */
export function dynamodbFailure(error: unknown, values: readonly unknown[]): Error {
  const [, advice = 'Check the connection and the table.'] = ADVICE.find(([name]) => name.test(nameOf(error))) ?? []
  const notWritten = /ResourceNotFound|AccessDenied|Validation/.test(nameOf(error))
  return storeFailure('DynamoDB', error, { values, advice: () => advice, notWritten })
}
