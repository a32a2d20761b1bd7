/**
 * Every supported TypeScript on the published declarations: `npm run prove -- types [--only 5.4,7.0]`. Needs the npm registry: compilers
 * that are not there yet are installed.
 */
import { parseArgs } from 'node:util'
import { TOOLS, ensureTool } from '../../scripts/tools.mjs'
import { ALL, COMMON_JS, compile, installed, nameOf } from './compile.ts'

const versions = Object.keys(TOOLS).flatMap((name) => /^typescript-(.+)$/.exec(name)?.[1] ?? [])
const { values } = parseArgs({ options: { only: { type: 'string', default: versions.join(',') } } })

using user = await installed()
let failed = 0
for (const version of values.only.split(',')) {
  const tsc = ensureTool(`typescript-${version}`)
  if (tsc === undefined) {
    failed += 1
    console.log(`TypeScript ${version}: not installed`)
    continue
  }
  const variants = Number(version) >= 5.8 ? [...ALL, COMMON_JS] : ALL
  const complaints: string[] = []
  for (const variant of variants) {
    const found = await compile(tsc, user.folder, variant)
    complaints.push(...found.map((complaint) => `  ${nameOf(variant)}: ${complaint}`))
  }
  failed += complaints.length
  console.log(`TypeScript ${version}: ${variants.length} ways, ${complaints.length} complaints`)
  for (const complaint of complaints.slice(0, 20)) console.log(complaint)
}
process.exitCode = failed === 0 ? 0 : 1
