/**
 * The project's commands: `npm start`, `npm test`, `npm run bench`, `build`, `check` and `prove`.
 * Each works alone on a fresh clone: what is missing is installed once.
 */
import { build } from './build.mjs'
import { check } from './check.mjs'
import { finish } from './child.mjs'
import { ensureInstalled } from './install.mjs'
import { findProof } from './prove.mjs'
import { test } from './test.mjs'
import { runNode } from './tool.mjs'

const COMMANDS = {
  bench: async (args) => {
    await build()
    return runNode(['bench/src/main.ts', ...args])
  },
  build: async (args) => {
    await build({ clean: args.includes('--clean'), projects: args.filter((arg) => !arg.startsWith('-')) })
    return 0
  },
  check: async () => {
    await check()
    return 0
  },
  docs: (args) => runNode(['scripts/docs.mjs', ...args], { service: true }),
  prove: ([name, ...args]) => runNode([findProof(name), ...args]),
  start: async (args) => {
    await build()
    return runNode(['demo/dist/main.js', ...args], { service: true })
  },
  test,
}

async function main([name, ...args]) {
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new Error(`Unknown command '${name}'. The commands are ${Object.keys(COMMANDS).join(', ')}.`)
  }
  if (name === 'prove') findProof(args[0])
  await ensureInstalled()
  return COMMANDS[name](args)
}

const status = await main(process.argv.slice(2)).catch((error) => {
  console.error(error.message)
  return 1
})
finish(status)
