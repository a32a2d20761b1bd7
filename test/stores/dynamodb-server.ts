import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Server } from 'node:http'
import { join } from 'node:path'

import { type CreateTableCommandInput, DynamoDB } from '@aws-sdk/client-dynamodb'

/** An emulator of DynamoDB in this process, on loopback. */
export interface DynamodbServer {
  readonly endpoint: string
  readonly client: DynamoDB
  /** Creates a table of this name, as the page of the store defines it. */
  createTable(name: string): Promise<void>
  stop(): Promise<void>
}

/** A client of an emulator, which takes any credentials. */
export function dynamodbClient(endpoint: string): DynamoDB {
  return new DynamoDB({ endpoint, region: 'local', credentials: { accessKeyId: 'id', secretAccessKey: 'secret' } })
}

export async function startDynamodb(): Promise<DynamodbServer> {
  // It has no types.
  const dynalite = createRequire(import.meta.url)('dynalite') as (options: object) => Server
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const client = dynamodbClient(endpoint)
  return {
    endpoint,
    client,
    createTable: async (name) => {
      await client.createTable({ ...definition(), TableName: name })
      for (;;) {
        const { Table } = await client.describeTable({ TableName: name })
        if (Table?.TableStatus === 'ACTIVE') return
      }
    },
    stop: async () => {
      client.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The table, as `docs/stores-dynamodb.md` gives it to its readers. */
function definition(): CreateTableCommandInput {
  const page = readFileSync(join(import.meta.dirname, '../../docs/stores-dynamodb.md'), 'utf8')
  const [, json = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
  return JSON.parse(json) as CreateTableCommandInput
}
