import { interleave } from '../harness/interleave.ts'
import { cellText } from '../harness/markdown.ts'
import type { Comparison } from '../harness/slots.ts'
import { spread, type Spread } from '../harness/stats.ts'
import { runTask } from '../harness/task.ts'
import type { Aim, Bench, Cell } from '../harness/table.ts'
import type { VaultName } from '../seals/index.ts'
import type { SealAnswer, task } from '../tasks/seal-task.ts'

const CONCURRENCY = 50
/** Seals, and opens, a second. */
const LEAST = 15_000
const BASE = 'jose' satisfies VaultName

interface Entry {
  readonly vault: VaultName
  readonly label: string
  readonly grants: number
}

/** A key ring keeps the keys of the last 10,000 contexts. */
const KEPT: Entry = { vault: 'evergrant', label: 'Evergrant: keyRing, 500 grants in turn', grants: 500 }
const DERIVED: Entry = {
  vault: 'evergrant',
  label: 'Evergrant: keyRing, 12,000 grants in turn, so that each key is derived first',
  grants: 12_000,
}

const ENTRIES: readonly Entry[] = [
  { vault: BASE, label: 'jose alone: dir, A256GCM, one key (control)', grants: 500 },
  KEPT,
  DERIVED,
  { vault: 'node-crypto', label: 'node:crypto alone: AES-256-GCM, one key (reference)', grants: 500 },
]

/** What it costs to keep tokens encrypted. */
export const seal: Bench = {
  name: 'seal',
  description: 'sealing and unsealing the tokens of many grants, next to jose and node:crypto alone',
  run: async ({ full }) => {
    const results = await interleave<SealAnswer | undefined>(
      full ? 5 : 1,
      ENTRIES.map(({ grants, label, vault }) => ({
        name: label,
        run: async (round) => {
          // Each round's processes are new, and warm up themselves.
          if (round < 0) return undefined
          return runTask<typeof task>(new URL('../tasks/seal-task.ts', import.meta.url), {
            base: BASE,
            own: vault,
            grants,
            size: {
              calls: full ? 2_000 : 500,
              concurrency: CONCURRENCY,
              pairs: full ? 5 : 2,
              warmUpMs: full ? 1_000 : 0,
            },
          })
        },
      })),
    )
    const of = ({ label }: Entry): readonly SealAnswer[] =>
      (results.get(label) ?? []).filter((answer) => answer !== undefined)
    return {
      name: 'seal',
      title: 'Sealing',
      intro: `Records of the size of a Google token (1.5 KB) are sealed and unsealed, ${CONCURRENCY} at a time. They are compared with jose with one key for everything in the same process. Ratios are seals or unseals per second, divided by those of jose alone.`,
      columns: ['contestant', 'seals per second', 'ratio', 'CPU', 'unseals per second', 'ratio', 'CPU'],
      rows: ENTRIES.map((entry) => [entry.label, ...cells(of(entry))]),
      notes: [
        'Each grant has its own key, derived from the ring’s key, and its context’s hash in the header. A sealed token can therefore be unsealed nowhere else. A ring keeps the keys of the last 10,000 grants.',
        'jose uses Web Crypto, which works in its own threads. CPU includes all of them. Evergrant uses node:crypto if it exists, in the calling thread. For a text as short as a token, that costs less than to wake another thread.',
      ],
      aims: [KEPT, DERIVED].flatMap((entry) => sealAims(entry.label, of(entry), of(ENTRIES[0] ?? entry))),
    }
  },
}

const OPERATIONS = ['seal', 'open'] as const
type Operation = (typeof OPERATIONS)[number]

function at(answers: readonly SealAnswer[], operation: Operation, figure: (comparison: Comparison) => number): Spread {
  return spread(answers.map((answer) => figure(answer[operation])))
}

function cells(answers: readonly SealAnswer[]): readonly Cell[] {
  return OPERATIONS.flatMap((operation): Cell[] => [
    at(answers, operation, ({ perSecond }) => perSecond),
    at(answers, operation, ({ ratio }) => ratio),
    { ...at(answers, operation, ({ cpuUs }) => cpuUs), unit: 'µs' },
  ])
}

const BOUND =
  'What bounds it is handing work to the threads of Web Crypto: once for each seal or open, and twice more (a hash, a key) where the key is derived first.'

/** What Evergrant must reach. `control`: jose alone. */
export function sealAims(label: string, own: readonly SealAnswer[], control: readonly SealAnswer[]): readonly Aim[] {
  return OPERATIONS.map((operation) => {
    const rate = at(own, operation, ({ perSecond }) => perSecond)
    const met = rate.median >= LEAST
    const jose = at(control, operation, ({ perSecond }) => perSecond)
    return {
      aim: `${label}: at least ${LEAST.toLocaleString('en')} ${operation === 'open' ? 'unseal' : 'seal'}s per second`,
      measured: cellText(rate),
      met,
      ...(!met && { why: `${BOUND} jose alone, with one key for everything, reaches ${cellText(jose)}.` }),
    }
  })
}
