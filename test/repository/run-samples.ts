/** Runs the modules that it is given one after the other, and writes what each printed, or how it failed, as JSON to the first path. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'

import { renewFixtures } from './sample-fixtures.ts'

export interface SampleResult {
  readonly printed: readonly string[]
  readonly error?: string
}

const [report = '', ...files] = process.argv.slice(2)
const results: SampleResult[] = []
let printed: string[] = []
let stray: unknown
console.log = (...values: unknown[]) => void printed.push(format(...values))
process.on('unhandledRejection', (error) => (stray = error))

async function resultOf(file: string): Promise<SampleResult> {
  printed = []
  stray = undefined
  process.chdir(mkdtempSync(join(dirname(file), 'run-')))
  await renewFixtures()
  try {
    await import(pathToFileURL(file).href)
    await new Promise((resolve) => setTimeout(resolve, 20))
    return stray === undefined ? { printed } : { printed, error: format(stray) }
  } catch (error) {
    return { printed, error: format(error) }
  }
}

for (const file of files) results.push(await resultOf(file))
writeFileSync(report, JSON.stringify(results))
process.exit()
