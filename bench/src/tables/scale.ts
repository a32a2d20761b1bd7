import { flatness, type Filling, type Samples } from '../../../test/processes/flatness.ts'
import { numberText } from '../harness/markdown.ts'
import { scoped } from '../harness/scoped.ts'
import { spread, type Spread } from '../harness/stats.ts'
import { aimOf, cell, type Aim, type Bench } from '../harness/table.ts'
import type { StoreKind } from '../libraries/keep.ts'
import { Places } from './places.ts'

/** Those that SQL can fill with a million grants in seconds. */
const STORES = ['SQLite', 'PostgreSQL'] as const satisfies readonly StoreKind[]

const OPERATIONS = ['read', 'claim', 'commit', 'due'] as const satisfies readonly (keyof Samples)[]
type Operation = (typeof OPERATIONS)[number]

/** With the most grants an operation takes so many times what it takes with the fewest, at most. */
const FLAT = 2

/** Whether a store's operations take longer with ever more grants in it. */
export const scale: Bench = {
  name: 'scale',
  description: 'read, claim, commit and due on SQLite and PostgreSQL with ever more grants',
  run: ({ full }) =>
    scoped(async (own) => {
      const sizes = full ? [1_000, 10_000, 100_000, 1_000_000] : [1_000, 10_000]
      const samples = full ? 1_000 : 200
      const places = own(await Places.open())
      const results: { readonly store: StoreKind; readonly measured: readonly Samples[] }[] = []
      for (const store of STORES.filter((each) => places.store(each) !== undefined)) {
        const measured = await withFillings(places, store, sizes, (fillings) =>
          flatness(fillings, { samples, dueEvery: 2 }),
        )
        results.push({ store, measured })
      }
      return {
        title: 'Many grants in the store',
        intro:
          'One process, one operation at a time, the sizes in turns, on random grants among all that are stored. The operations read a grant, take its lease, commit a token, and reserve the next 32 of 2,000 due grants.',
        columns: ['store', 'grants', 'cold read', 'claim', 'commit', '32 due ones'],
        rows: results.flatMap(({ measured, store }) =>
          measured.map((each) => [
            store,
            each.grants,
            ...OPERATIONS.map((operation) => cell(microseconds(each, operation), 'µs')),
          ]),
        ),
        notes: [
          `${numberText(samples)} samples of each operation and size, half as many of the due ones. With 1,000 grants at most as many are due.`,
          'A commit is on the disk before the response: most of its time is the disk’s. The store was filled by SQL with copies of one grant.',
        ],
        aims: results.flatMap(({ measured, store }) => OPERATIONS.flatMap((name) => scaleAims(store, name, measured))),
      }
    }),
}

/** Runs `work` with a place for each size, all in one store. */
function withFillings<T>(
  places: Places,
  store: StoreKind,
  sizes: readonly number[],
  work: (fillings: readonly Filling[]) => Promise<T>,
): Promise<T> {
  const [grants, ...others] = sizes
  if (grants === undefined) return work([])
  return places.within(store, (place) =>
    withFillings(places, store, others, (fillings) => work([{ place, grants }, ...fillings])),
  )
}

function microseconds(samples: Samples, operation: Operation): Spread {
  return spread(samples[operation].map((ms) => ms * 1000))
}

/** What an operation takes with the most grants, beside what it takes with the fewest. */
export function scaleAims(store: string, operation: Operation, measured: readonly Samples[]): readonly Aim[] {
  const few = measured.at(0)
  const many = measured.at(-1)
  if (few === undefined || many === undefined) return []
  const growth = microseconds(many, operation).median / microseconds(few, operation).median
  const aim = `${store}, ${operation}: with ${numberText(many.grants)} grants at most ${FLAT} times what it takes with ${numberText(few.grants)}`
  return [aimOf(aim, `${growth.toFixed(2)} times`, growth <= FLAT)]
}
