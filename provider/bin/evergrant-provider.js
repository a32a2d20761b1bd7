#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const command = new URL('../dist/cli.js', import.meta.url)
if (existsSync(fileURLToPath(command))) {
  const { main } = await import(command.href)
  process.exitCode = await main(process.argv.slice(2))
} else {
  console.error('evergrant-provider is not built yet. Run `npm run build` in the repository first.')
  process.exitCode = 1
}
