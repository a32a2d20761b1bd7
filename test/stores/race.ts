import { randomBytes } from 'node:crypto'

import type { GrantStore } from '../../src/stores/store.ts'

/** Many owners claim each version of one grant at once; the one that gets it commits the next version. */
export async function race(
  stores: readonly GrantStore[],
  { owners, versions }: { owners: number; versions: number },
): Promise<{ doubles: number; versions: number }> {
  const id = randomBytes(8).toString('hex')
  const key = { client: `race ${id}`, subject: 's', account: '' }
  const content = { state: 'active', sealed: 'x', renewable: true } as const
  await stores[0]!.put(key, { id, schema: 1, issuer: 'i', clientId: 'c', ...content })
  let doubles = 0
  for (let version = 1; version <= versions; version += 1) {
    const winners: string[] = []
    // Repeats while some may retry at once.
    while (winners.length === 0) {
      const answers = await Promise.all(
        Array.from({ length: owners }, (_, index) => {
          const owner = `${version} ${index}`
          const request = {
            id,
            version,
            owner,
            leaseMs: 60_000,
            settleMs: 60_000,
            intent: { hash: 'h', sendWithinMs: 1 },
          }
          return stores[index % stores.length]!.claim(key, request).then(({ outcome }) => ({ owner, outcome }))
        }),
      )
      winners.push(...answers.flatMap(({ owner, outcome }) => (outcome === 'claimed' ? [owner] : [])))
    }
    doubles += winners.length - 1
    const { record } = await stores[0]!.read(key)
    if (record?.lease?.owner !== winners[0]) throw new Error('The record names another owner than the result.')
    await stores[version % stores.length]!.commit(key, { id, version, ...content })
  }
  const { record } = await stores[0]!.read(key)
  await stores[0]!.delete(key, { id })
  return { doubles, versions: (record?.version ?? 0) - 1 }
}
