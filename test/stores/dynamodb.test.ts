import { describe, expect, test } from 'vitest'

import { DynamodbBackend } from '../../src/stores/dynamodb/backend.ts'
import { type DynamodbClient, dynamodbStore } from '../../src/stores/dynamodb/index.ts'
import { storeOver } from '../../src/stores/store-over.ts'
import type { GrantStore } from '../../src/stores/store.ts'
import { backendContract } from '../../src/testing/backend-contract.ts'
import { fakeClock, storeContract } from '../../src/testing/index.ts'
import { race } from './race.ts'
import { answersLikeMemory, claimsAtTheEdgesLikeMemory, tombstoneEndsAfterADay } from './steps.ts'
import { stormOfProcesses } from './storm.ts'
import { withFeed } from './with-feed.ts'
import { grant, key } from './records.ts'
import { inDynamodb } from './fixtures/dynamodb.ts'

const { client, endpoint, newTable } = await inDynamodb()
const table = await newTable()

const rowKey = (subject: string): string => JSON.stringify(['c', subject, ''])
const written = { entry: '{}', sealed: 'x', index: { state: 'active' }, sameIndex: false, durable: true } as const

/** A client some of whose operations are others. */
const clientWith = (others: Partial<DynamodbClient>): DynamodbClient => ({
  getItem: (request: never) => client.getItem(request),
  updateItem: (request: never) => client.updateItem(request),
  query: (request: never) => client.query(request),
  scan: (request: never) => client.scan(request),
  ...others,
})

describe('the DynamoDB store keeps the store contract', () => {
  for (const { name, run } of storeContract({ create: () => dynamodbStore(client, { table }) })) test(name, run)
})

describe('the DynamoDB backend keeps the backend contract', () => {
  // An item has 400 KB at most: two texts of 200,000 characters do not fit.
  const cases = backendContract({ create: () => new DynamodbBackend(client, table) })
  for (const { name, run } of cases.filter((each) => !each.name.includes('200000 characters'))) test(name, run)
})

describe('the DynamoDB store with a clock of the test', () => {
  /** A store with nothing in it. */
  async function open(now: () => number): Promise<GrantStore> {
    const backend = new DynamodbBackend(client, await newTable(), now)
    return storeOver(withFeed(backend, now), { clock: { now } })
  }

  test(
    'the DynamoDB store and the memory store return the same for any operations',
    () => answersLikeMemory(open, 15),
    60_000,
  )

  test('the DynamoDB store and the memory store return the same for claims at the edges of their times', () =>
    claimsAtTheEdgesLikeMemory(open))

  test('a tombstone ends after a day', async () => {
    const clock = fakeClock()
    await tombstoneEndsAfterADay(storeOver(new DynamodbBackend(client, table, clock.now), { clock }), clock)
  })
})

test('of many owners in two stores exactly one gets each version', async () => {
  const stores = [dynamodbStore(client, { table }), dynamodbStore(client, { table })]
  expect(await race(stores, { owners: 20, versions: 10 })).toEqual({ doubles: 0, versions: 10 })
})

test('of four processes exactly one gets each version', { timeout: 60_000 }, async () => {
  const place = { kind: 'dynamodb', endpoint, table: await newTable() } as const
  await stormOfProcesses(place, dynamodbStore(client, place), 30)
})

test('a write that the client sends again after a lost response is recognised as its own', async () => {
  let lost = 0
  const twice = clientWith({
    updateItem: async (request) => {
      await client.updateItem(request as never)
      lost += 1
      return client.updateItem(request as never)
    },
  })
  const store = dynamodbStore(twice, { table })
  const { committed, record } = await store.put({ ...key, subject: 'twice' }, grant)
  expect([lost, committed, record?.version]).toEqual([1, true, 1])
})

test('a row that the late index names is returned only if it is still due', async () => {
  const mine = await newTable()
  const backend = new DynamodbBackend(client, mine)
  const due = { ...written, index: { state: 'active', schema: 1, dueAt: 1 } } as const
  const first = { ...due, index: { ...due.index, dueAt: 0 } }
  await backend.swap(rowKey('a'), undefined, '0', first)
  for (const subject of ['b', 'c']) await backend.swap(rowKey(subject), undefined, '0', due)
  const stale = await Promise.all(
    ['0', '1', '2', '3'].map((bucket) =>
      client.query({
        TableName: mine,
        IndexName: 'due',
        KeyConditionExpression: 'due_bucket = :bucket',
        ExpressionAttributeValues: { ':bucket': { S: bucket } },
      }),
    ),
  )
  const late = new DynamodbBackend(clientWith({ query: async () => stale.shift() ?? {} }), mine)
  await backend.swap(rowKey('a'), '0', '1', { ...due, index: { ...due.index, dueAt: 5000 } })
  const { rows } = await late.due({ before: 1000, limit: 3, schema: 1, reserveMs: 5000 })
  expect(rows.map((row) => row.key).sort()).toEqual([rowKey('b'), rowKey('c')])
  expect((await backend.due({ before: 4999, limit: 10, schema: 1 })).rows).toEqual([])
})

test('an ended row has its time to live in seconds, a minute later, and a row in use has none', async () => {
  const backend = new DynamodbBackend(client, table)
  const item = async (): Promise<unknown> => {
    const keys = { subject: { S: '"ended"' }, row_key: { S: rowKey('ended') } }
    return (await client.getItem({ TableName: table, Key: keys, ConsistentRead: true })).Item?.['forget_at']
  }
  await backend.swap(rowKey('ended'), undefined, '1', { ...written, index: { forgetAt: 1_700_000_000_001 } })
  expect(await item()).toEqual({ N: '1700000061' })
  await backend.swap(rowKey('ended'), '1', '2', written)
  expect(await item()).toBeUndefined()
})

test('a list reads page after page', async () => {
  const mine = await newTable()
  const store = dynamodbStore(client, { table: mine })
  const keys = Array.from({ length: 12 }, (_, index) => ({ ...key, account: `${index}` }))
  // A page ends at 1 MB.
  for (const each of keys) await store.put(each, { ...grant, sealed: 'x'.repeat(300_000) })
  for (const filter of [{}, { subject: 's' }]) {
    const found: string[] = []
    for await (const record of store.list(filter)) found.push(record.key.account)
    expect(found.sort()).toEqual(keys.map(({ account }) => account).sort())
  }
})

test('a record that is no item is refused before any request', async () => {
  const store = dynamodbStore(client, { table })
  await expect(store.put({ ...key, subject: 'large' }, { ...grant, sealed: 'é'.repeat(205_000) })).rejects.toThrow(
    expect.objectContaining({
      code: 'config_error',
      message: expect.stringContaining('at most 407552 bytes') as string,
    }),
  )
  const largest = { ...grant, sealed: 'x'.repeat(407_000) }
  expect((await store.put({ ...key, subject: 'large' }, largest)).record?.sealed).toBe(largest.sealed)
})

test('a throttled request and a missing table say what to do', async () => {
  const refuse = async (): Promise<never> => {
    throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' })
  }
  const throttled = dynamodbStore(clientWith({ getItem: refuse }), { table })
  await expect(throttled.read(key)).rejects.toThrow(
    expect.objectContaining({
      code: 'store_error',
      message: "The DynamoDB store failed: Rate exceeded. Raise the table's capacity, or make it on-demand.",
    }),
  )
  await expect(dynamodbStore(client, { table: 'none-such' }).read(key)).rejects.toThrow(/Create the table/)
})

test('no value of a failed request is in its error', async () => {
  const secret = 'a sealed secret of the user'
  const refuse = async (request: unknown): Promise<never> => {
    throw Object.assign(new Error(`Invalid: ${JSON.stringify(request)}`), { name: 'ValidationException', request })
  }
  const store = dynamodbStore(clientWith({ updateItem: refuse }), { table })
  const put = store.put({ ...key, subject: 'somebody' }, { ...grant, sealed: secret })
  const error = await put.then(
    () => new Error('Nothing failed.'),
    (reason: Error) => reason,
  )
  const { cause } = error as { cause?: Error }
  const all = [error.message, error.stack, cause?.message, cause?.stack, JSON.stringify([error, cause])].join()
  expect(error.message).toContain('The DynamoDB store failed: Invalid')
  expect(all).not.toContain(secret)
  expect(all).not.toContain(JSON.stringify(rowKey('somebody')).slice(1, -1))
  expect(Object.keys(cause ?? {})).toEqual([])
})

test('another client is refused at once', () => {
  for (const other of [undefined, {}, { send: () => undefined }]) {
    expect(() => dynamodbStore(other as never, { table })).toThrow("'@aws-sdk/client-dynamodb'")
  }
})
