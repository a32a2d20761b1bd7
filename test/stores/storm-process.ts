/** One process of `storm.ts`: contends with others for the versions of one grant. */
import type { GrantStore, NewGrant } from '../../src/stores/store.ts'
import type { Place } from './storm.ts'

const [, , place = '', name = '', versions = '0'] = process.argv
const key = { client: 'storm', subject: 's', account: '' }
const content = { state: 'active', sealed: 'x', renewable: true } as const
const grant: NewGrant = { id: '1', schema: 1, issuer: 'i', clientId: 'c', ...content }

/** Imports only what this place needs, because the drivers are large. */
async function open(at: Place): Promise<GrantStore> {
  if (at.kind === 'dynamodb') {
    const { dynamodbStore } = await import('../../src/stores/dynamodb/index.ts')
    const { dynamodbClient } = await import('./dynamodb-server.ts')
    return dynamodbStore(dynamodbClient(at.endpoint), at)
  }
  const { mysqlStore } = await import('../../src/stores/mysql/index.ts')
  const { createPool } = await import('mysql2/promise')
  return mysqlStore(createPool({ uri: at.url, connectionLimit: 2 }), at)
}

/** Claims and commits until the grant has the version that was asked for. Resolves to the versions that it won. */
async function contend(store: GrantStore, last: number): Promise<number[]> {
  const won: number[] = []
  await store.put(key, grant)
  for (;;) {
    const { record } = await store.read(key)
    const version = record?.version ?? 0
    if (version >= last) return won
    const times = { leaseMs: 60_000, settleMs: 60_000, intent: { hash: 'h', sendWithinMs: 60_000 } }
    const claim = await store.claim(key, { id: '1', version, owner: `${name} ${version}`, ...times }, record)
    if (claim.outcome !== 'claimed') continue
    const { committed } = await store.commit(key, { ...grant, version, sealed: `${name} ${version}` }, claim.record)
    if (!committed) throw new Error(`Process ${name} lost version ${version} though it had claimed it.`)
    won.push(version)
  }
}

const store = await open(JSON.parse(place) as Place)
process.once('message', () => {
  void contend(store, Number(versions)).then(
    (won) => process.send?.({ won }),
    (error: unknown) => process.send?.({ won: [], error: String(error) }),
  )
})
process.send?.('ready')
