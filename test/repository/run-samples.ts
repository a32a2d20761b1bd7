/**
 * Runs modules one after the other, and writes what each printed, or how it failed, as JSON to the first path.
 * The functions that a module exports are routes: they are called in their order, with a page's request.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { format } from 'node:util'

import { pageRequest, renewFixtures } from './sample-fixtures.ts'

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
    const module = (await import(pathToFileURL(file).href)) as Record<string, (request: Request) => unknown>
    const routes = readFileSync(file, 'utf8').matchAll(/^export async function (\w+)/gm)
    for (const [, name = ''] of routes) await module[name]?.(pageRequest())
    await new Promise((resolve) => setTimeout(resolve, 20))
    return stray === undefined ? { printed } : { printed, error: format(stray) }
  } catch (error) {
    return { printed, error: format(error) }
  }
}

for (const file of files) results.push(await resultOf(file))
writeFileSync(report, JSON.stringify(results))
process.exit()
