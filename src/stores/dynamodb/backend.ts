import { ConfigError } from '../../model/errors.ts'
import { decodeKey } from '../../model/grant-key.ts'
import type { Backend, DueRows, Found, Row, RowFilter, Write } from '../backend.ts'
import { type DynamodbClient, type DynamodbItem, marshalled, type Values } from './client.ts'
import { dynamodbFailure, nameOf } from './errors.ts'

/** Number of partitions of the index of due rows. One accepts 1000 writes a second, and a refresh makes six. */
const BUCKETS = 4

/** Number of due rows that are read or reserved at once. */
const AT_ONCE = 25

/** Maximum bytes of an entry and a sealed text: an item has 400 KiB, with its key and names. */
const LARGEST = 400 * 1024 - 2048

/** Items of one table. Time is the machine's: a condition in DynamoDB cannot refer to the server's. */
export class DynamodbBackend implements Backend {
  readonly guards = false
  readonly #client: DynamodbClient
  readonly #table: string
  readonly #now: () => number

  constructor(client: DynamodbClient, table: string, now: () => number = Date.now) {
    if (typeof (client as DynamodbClient | undefined)?.updateItem !== 'function') {
      throw new ConfigError("Expected client to be a `new DynamoDB({})` of '@aws-sdk/client-dynamodb'.")
    }
    if (typeof table !== 'string' || table === '') throw new ConfigError('Expected options.table to be a table name.')
    this.#client = client
    this.#table = table
    this.#now = () => Math.floor(now())
  }

  async read(key: string): Promise<Found> {
    const [now, item] = [this.#now(), await this.#get(key)]
    return { now, row: item && toRow(item) }
  }

  async swap(key: string, from: string | undefined, to: string, write: Write): Promise<Found & { swapped: boolean }> {
    const { state, schema, dueAt, forgetAt } = write.index
    const bytes = new TextEncoder().encode(`${write.entry}${write.sealed ?? ''}`).length
    if (bytes > LARGEST) throw new ConfigError(`Expected a record to be at most ${LARGEST} bytes, got ${bytes}.`)
    const values = {
      revision: to,
      entry: write.entry,
      ...(write.sealed !== undefined && { sealed: write.sealed }),
      row_state: state,
      row_schema: schema,
      due_at: dueAt,
      due_bucket: dueAt === undefined ? undefined : `${to.charCodeAt(0) % BUCKETS}`,
      // In seconds: the table's time to live.
      forget_at: forgetAt === undefined ? undefined : Math.ceil(forgetAt / 1000) + 60,
    }
    const condition = from === undefined ? 'attribute_not_exists(revision)' : 'revision = :from'
    const item = await this.#update(key, values, condition, { ':from': from })
    return item === undefined ? { swapped: false, ...(await this.read(key)) } : { swapped: true, now: this.#now() }
  }

  async *list({ prefix, subject, state }: RowFilter): AsyncGenerator<Row> {
    const keys = 'begins_with(row_key, :prefix)'
    const states = state === undefined ? 'attribute_exists(row_state)' : 'row_state = :state'
    const search =
      subject === undefined
        ? { FilterExpression: `${keys} AND ${states}` }
        : { KeyConditionExpression: `subject = :subject AND ${keys}`, FilterExpression: states }
    const values = marshalled({ ':prefix': prefix, ':state': state, ':subject': subject })
    const request = { ...search, ConsistentRead: true, ExpressionAttributeValues: values }
    for await (const item of this.#pages(subject === undefined ? 'scan' : 'query', request)) yield toRow(item)
  }

  async due({ before, limit, reserveMs, schema }: DueRows): Promise<{ rows: Row[]; now: number }> {
    const buckets = Array.from({ length: BUCKETS }, (_, bucket) => this.#dueIn(`${bucket}`, before, schema, limit))
    const found = (await Promise.all(buckets)).flat().sort((a, b) => Number(a['due_at']?.N) - Number(b['due_at']?.N))
    const rows: Row[] = []
    while (found.length > 0 && rows.length < limit) {
      const next = found.splice(0, Math.min(AT_ONCE, limit - rows.length)).map(({ row_key: key }) => key?.S ?? '')
      const items = await Promise.all(next.map((key) => this.#take(key, before, schema, reserveMs)))
      rows.push(...items.flatMap((item) => (item === undefined ? [] : [toRow(item)])))
    }
    return { rows, now: this.#now() }
  }

  async close(): Promise<void> {
    // The client belongs to the caller.
  }

  async #dueIn(bucket: string, before: number, schema: number, limit: number): Promise<DynamodbItem[]> {
    const items: DynamodbItem[] = []
    const search = {
      IndexName: 'due',
      KeyConditionExpression: 'due_bucket = :bucket AND due_at <= :before',
      FilterExpression: 'row_schema <= :schema',
      ExpressionAttributeValues: marshalled({ ':bucket': bucket, ':before': before, ':schema': schema }),
      Limit: Math.min(limit, 1000),
    }
    for await (const item of this.#pages('query', search)) if (items.push(item) === limit) break
    return items
  }

  /** The item itself says whether it is still due: the index is delayed. */
  async #take(key: string, before: number, schema: number, reserveMs?: number): Promise<DynamodbItem | undefined> {
    if (reserveMs !== undefined) {
      const compared = { ':before': before, ':schema': schema }
      return this.#update(key, { due_at: before + reserveMs }, 'due_at <= :before AND row_schema <= :schema', compared)
    }
    const item = await this.#get(key)
    return Number(item?.['due_at']?.N ?? Infinity) <= before ? item : undefined
  }

  async #get(key: string): Promise<DynamodbItem | undefined> {
    const request = { TableName: this.#table, Key: keyOf(key), ConsistentRead: true }
    return (await this.#sent([key], () => this.#client.getItem(request)))?.Item
  }

  /** Sets attributes, and removes those without a value. Returns undefined if the condition does not hold. */
  async #update(key: string, values: Values, condition: string, compared: Values): Promise<DynamodbItem | undefined> {
    const names = Object.keys(values)
    const set = names.filter((name) => values[name] !== undefined).map((name) => `${name} = :${name}`)
    const removed = names.filter((name) => values[name] === undefined)
    const named = Object.fromEntries(names.map((name) => [`:${name}`, values[name]]))
    const request = {
      TableName: this.#table,
      Key: keyOf(key),
      UpdateExpression: `SET ${set.join(', ')}${removed.length > 0 ? ` REMOVE ${removed.join(', ')}` : ''}`,
      ConditionExpression: condition,
      ExpressionAttributeValues: marshalled({ ...named, ...compared }),
      ReturnValues: 'ALL_NEW',
    }
    return (await this.#sent([key, ...Object.values(values)], () => this.#client.updateItem(request)))?.Attributes
  }

  async *#pages(operation: 'query' | 'scan', search: object): AsyncGenerator<DynamodbItem> {
    let start: object | undefined
    do {
      const request = { ...search, TableName: this.#table, ...(start && { ExclusiveStartKey: start }) }
      const page = await this.#sent([], () => this.#client[operation](request))
      yield* page?.Items ?? []
      start = page?.LastEvaluatedKey
    } while (start !== undefined)
  }

  async #sent<T>(values: readonly unknown[], send: () => Promise<T>): Promise<T | undefined> {
    try {
      return await send()
    } catch (error) {
      if (nameOf(error) === 'ConditionalCheckFailedException') return undefined
      throw dynamodbFailure(error, values)
    }
  }
}

function keyOf(key: string): ReturnType<typeof marshalled> {
  const subject = decodeKey(key)?.subject
  return marshalled({ subject: subject === undefined ? key : JSON.stringify(subject), row_key: key })
}

function toRow({ row_key: key, revision, entry, sealed }: DynamodbItem): Row {
  return { key: key?.S ?? '', revision: revision?.S ?? '', entry: entry?.S ?? '', sealed: sealed?.S ?? '' }
}
