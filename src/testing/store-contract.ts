import { claimCases } from './contract/claim.ts'
import { commitCases } from './contract/commit.ts'
import { documentCases } from './contract/documents.ts'
import { feedCases } from './contract/feed.ts'
import { listCases } from './contract/lists.ts'
import { otherCases } from './contract/others.ts'
import { putCases } from './contract/put.ts'
import { releaseCases } from './contract/release.ts'
import { seenCases } from './contract/seen.ts'
import { timeCases } from './contract/time.ts'
import { Stage, type StoreContractCase, type StoreContractOptions } from './contract/stage.ts'

/**
 * Returns the contract of `GrantStore` as named cases, for any test runner:
 *
 * ```ts
 * for (const { name, run } of storeContract({ create: () => myStore(url) })) test(name, run)
 * ```
 *
 * Without `clock`, the cases wait some seconds in total. They leave grants under clients named `contract …`.
 */
export function storeContract(options: StoreContractOptions): StoreContractCase[] {
  const cases = [
    ...putCases,
    ...claimCases,
    ...commitCases,
    ...releaseCases,
    ...seenCases,
    ...timeCases,
    ...otherCases,
    ...listCases,
    ...documentCases,
    ...feedCases,
  ]
  return cases.map(([name, run]) => ({
    name,
    run: async () => {
      const store = await options.create()
      try {
        await run(new Stage(store, options.clock))
      } finally {
        await store.close()
      }
    },
  }))
}
