/**
 * `npm run bench [-- NAME …] [--full]`: measures all tables, or those named; `--full` in the size that is published, which also
 * writes bench/results and docs/benchmarks.md. `--docs` only writes the page anew.
 */
import { parseArgs } from 'node:util'
import { during } from '../../scripts/progress.mjs'
import { circumstances } from './harness/machine.ts'
import { toMarkdown } from './harness/markdown.ts'
import { saveResult, writePage } from './harness/results.ts'
import { BENCHES } from './tables/index.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, docs: { type: 'boolean', default: false } },
})
const names = BENCHES.map(({ name }) => name)
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  console.error(`There is no table ${unknown.join(', ')}. There are:`)
  for (const { description, name } of BENCHES) console.error(`  ${name.padEnd(16)} ${description}`)
  process.exit(2)
}

if (!values.docs) {
  const chosen = BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  for (const [index, bench] of chosen.entries()) {
    const began = performance.now()
    const what = `Measuring ${bench.name}, table ${index + 1} of ${chosen.length}`
    // A line that moves more often would take from what is measured.
    const table = await during(what, () => bench.run({ full: values.full }), 1000)
    const result = { circumstances: circumstances(new Date()), table }
    if (values.full) saveResult(result)
    console.log(toMarkdown(result.table, result.circumstances))
    console.log(`${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  }
}
if (values.full || values.docs) writePage(names)
// What a contestant leaves running must not keep this alive.
process.exit()
