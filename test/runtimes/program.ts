/** Runs the checks in Node, Bun or Deno, made into one file by the test. Its argument is the server's origin; it prints a line of JSON for each. */
import process from 'node:process'
import { CHECKS, runCheck } from './checks.ts'

const [origin = ''] = process.argv.slice(2)
for (const name of Object.keys(CHECKS)) console.log(JSON.stringify(await runCheck(name, origin)))
