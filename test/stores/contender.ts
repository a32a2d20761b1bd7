/** One process of `sqlite-processes.test.ts`: contends with others for the grants of one SQLite file. */
import { sqliteStore } from '../../src/stores/sqlite/index.ts'
import type { NewGrant } from '../../src/stores/store.ts'

export interface Report {
  /** The versions that this process claimed and committed. */
  readonly won: readonly number[]
  /** Number of times that another owner had the lease. */
  readonly busy: number
}

const [, , file = '', name = '', task = '', amount = '0'] = process.argv
const key = { client: 'c', subject: 's', account: '' }
const grant: NewGrant = {
  id: '1',
  schema: 1,
  issuer: 'i',
  clientId: 'c',
  state: 'active',
  sealed: 'x',
  renewable: true,
}

const store = sqliteStore(file, { everyRefresh: true })

/** Claims and commits until the grant has the version that was asked for. */
async function contend(last: number): Promise<Report> {
  const won: number[] = []
  let busy = 0
  await store.put(key, grant)
  for (;;) {
    const { record } = await store.read(key)
    const version = record?.version ?? 0
    if (version >= last) return { won, busy }
    const answer = await store.claim(key, {
      id: '1',
      version,
      owner: `${name} ${version}`,
      leaseMs: 60_000,
      settleMs: 60_000,
      intent: { hash: 'h', sendWithinMs: 60_000 },
    })
    if (answer.outcome === 'busy') busy += 1
    if (answer.outcome !== 'claimed') continue
    const committed = await store.commit(key, { ...grant, version, sealed: `${name} ${version}` })
    if (!committed.committed) throw new Error(`${name} lost version ${version} though it had the lease.`)
    won.push(version)
  }
}

/** Writes without end, to be killed in the middle of it. */
async function hammer(): Promise<never> {
  for (let round = 0; ; round++) {
    const grants = Array.from({ length: 20 }, (_, index) => ({ ...key, subject: `${round} ${index}` }))
    await Promise.all(grants.map((each) => store.put(each, { ...grant, sealed: 'x'.repeat(2_000) })))
    process.send?.(round)
  }
}

process.once('message', () => {
  const run = task === 'hammer' ? hammer() : contend(Number(amount))
  void run
    .then(async (report) => {
      await store.close()
      process.send?.(report)
      process.disconnect()
    })
    .catch((error: unknown) => {
      process.send?.({ error: String(error) })
      process.exit(1)
    })
})
process.send?.('ready')
