/** `npm run prove -- NAME …`: runs the full size of a proof. What follows the name goes to the proof's script. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROOFS = {
  feed: 'scripts/proofs/feed.mjs',
  kill: 'scripts/proofs/kill.mjs',
  outage: 'scripts/proofs/outage.mjs',
  scale: 'scripts/proofs/scale.mjs',
  runtimes: 'test/runtimes/prove.ts',
  simulation: 'test/simulation/prove.ts',
  storm: 'scripts/proofs/storm.mjs',
  types: 'test/types/prove.ts',
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const [name, ...args] = process.argv.slice(2)
if (name === undefined || !Object.hasOwn(PROOFS, name)) {
  console.error(`Expected the name of a proof (${Object.keys(PROOFS).join(', ')}), got ${name ?? 'nothing'}.`)
  process.exit(2)
}

/** The project's own Node, which runs TypeScript as it is. */
const localNode = join(root, 'node_modules', '.bin', 'node')
if (!existsSync(localNode)) {
  console.error('The dependencies are not installed: run `npm install` (or `npm run build`) first.')
  process.exit(1)
}
const { status } = spawnSync(localNode, [join(root, PROOFS[name]), ...args], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
