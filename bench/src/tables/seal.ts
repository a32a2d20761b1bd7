import { inTurns } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import { at } from '../harness/slots.ts'
import { aimOf, cell, type Aim, type Bench } from '../harness/table.ts'
import { libraryOf, type LibraryName } from '../libraries/index.ts'
import type { SealAnswer, task } from '../tasks/seal-task.ts'
import { runTask } from '../workers/worker-process.ts'

const CONCURRENCY = 50
/** Seals, and opens, a second. */
const LEAST = 15_000

interface Entry {
  readonly name: LibraryName
  readonly grants: number
  /** How the grants are taken. */
  readonly how?: string
}

const CONTROL: Entry = { name: 'jose', grants: 500 }
/** A key ring keeps the keys of the last 10,000 contexts. */
const KEPT: Entry = { name: 'evergrant-seal', grants: 500, how: '500 grants in turn' }
const DERIVED: Entry = {
  name: 'evergrant-seal',
  grants: 12_000,
  how: '12,000 grants in turn, so that each key is derived first',
}
const ENTRIES = [CONTROL, KEPT, DERIVED, { name: 'node-crypto', grants: 500 }] as const satisfies readonly Entry[]

const labelOf = ({ how, name }: Entry): string =>
  [libraryOf(name).calls?.seal ?? name, ...(how === undefined ? [] : [how])].join(', ')

/** What it costs to keep tokens encrypted. */
export const seal: Bench = {
  name: 'seal',
  description: 'sealing and unsealing the tokens of many grants, next to jose and node:crypto alone',
  run: async ({ full }) => {
    const module = new URL('../tasks/seal-task.ts', import.meta.url)
    const size = {
      calls: full ? 2_000 : 500,
      concurrency: CONCURRENCY,
      pairs: full ? 5 : 2,
      warmUpMs: full ? 1_000 : 0,
    }
    const of = await inTurns<Entry, SealAnswer>(full ? 5 : 1, ENTRIES, ({ grants, name }) =>
      runTask<typeof task>(module, { base: CONTROL.name, own: name, grants, size }),
    )
    return {
      title: 'Sealing',
      intro: `Records of the size of a Google token (1.5 KB) are sealed and unsealed, ${CONCURRENCY} at a time. They are compared with jose with one key for everything in the same process. Ratios are seals or unseals per second, divided by those of jose alone.`,
      columns: ['contestant', 'seals per second', 'ratio', 'CPU', 'unseals per second', 'ratio', 'CPU'],
      rows: ENTRIES.map((entry) => [
        labelOf(entry),
        ...OPERATIONS.flatMap((_, index) => [
          at(of(entry), index, 'perSecond'),
          at(of(entry), index, 'ratio'),
          cell(at(of(entry), index, 'cpuUs'), 'µs'),
        ]),
      ]),
      notes: [
        'Each grant has its own key, derived from the ring’s key, and its context’s hash in the header. A sealed token can therefore be unsealed nowhere else. A ring keeps the keys of the last 10,000 grants.',
        'jose uses Web Crypto, which works in its own threads. CPU includes all of them. Evergrant uses node:crypto if it exists, in the calling thread. For a text as short as a token, that costs less than to wake another thread.',
      ],
      aims: [KEPT, DERIVED].flatMap((entry) => sealAims(labelOf(entry), of(entry), of(CONTROL))),
    }
  },
}

const OPERATIONS = ['seal', 'open'] as const
const BOUND =
  'What bounds it is handing work to the threads of Web Crypto: once for each seal or open, and twice more (a hash, a key) where the key is derived first.'

/** What Evergrant must reach. `control`: jose alone. */
export function sealAims(label: string, own: readonly SealAnswer[], control: readonly SealAnswer[]): readonly Aim[] {
  return OPERATIONS.map((operation, index) => {
    const rate = at(own, index, 'perSecond')
    return aimOf(
      `${label}: at least ${LEAST.toLocaleString('en')} ${operation === 'open' ? 'unseal' : 'seal'}s per second`,
      cellText(rate),
      rate.median >= LEAST,
      `${BOUND} jose alone, with one key for everything, reaches ${cellText(at(control, index, 'perSecond'))}.`,
    )
  })
}
