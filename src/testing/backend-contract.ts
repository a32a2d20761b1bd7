import { dueCases } from './backend/due.ts'
import { feedCases } from './backend/feed.ts'
import { forgetCases } from './backend/forget.ts'
import { listCases } from './backend/lists.ts'
import { pageCases } from './backend/pages.ts'
import { type BackendContractCase, type BackendContractOptions, Stage } from './backend/stage.ts'
import { swapCases } from './backend/swap.ts'
import { textCases } from './backend/texts.ts'

/**
 * Returns the promises of a `Backend` as named cases, for any test runner:
 *
 * ```ts
 * for (const { name, run } of backendContract({ create: () => new MyBackend(url) })) test(name, run)
 * ```
 *
 * A case of an optional member passes if the member is absent. Without `clock`, the cases wait some seconds in total.
 * Each case takes its rows out of every list when it ends. Run `storeContract` over `storeOver(backend)` too.
 */
export function backendContract(options: BackendContractOptions): BackendContractCase[] {
  const cases = [...swapCases, ...textCases, ...listCases, ...dueCases, ...pageCases, ...feedCases, ...forgetCases]
  return cases.map(([name, run]) => ({
    name,
    run: async () => {
      const backend = await options.create()
      const stage = new Stage(backend, options.clock)
      try {
        await run(stage)
      } finally {
        await stage.clean()
        await backend.close()
      }
    },
  }))
}
