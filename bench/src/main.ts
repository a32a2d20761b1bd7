/**
 * `npm run bench [-- NAME …] [--full]`: measures all tables, or those named; `--full` in the size that is published, which also
 * writes bench/results and docs/benchmarks.md. `--docs` only writes the page anew.
 */
import { parseArgs } from 'node:util'
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
  for (const bench of chosen) {
    const began = performance.now()
    const result = {
      circumstances: circumstances(new Date()),
      table: { name: bench.name, ...(await bench.run({ full: values.full })) },
    }
    if (values.full) saveResult(result)
    console.log(toMarkdown(result.table, result.circumstances))
    console.log(`${((performance.now() - began) / 1000).toFixed(0)} s\n`)
  }
}
if (values.full || values.docs) writePage(names)
// What a contestant leaves running must not keep this alive.
process.exit()
