import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

import { run } from './child.mjs'
import { ensureNode, nodeEnv } from './node.mjs'
import { during } from './progress.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** A step that failed. Its output is the message. */
export class StepFailed extends Error {}

/** Runs a file of the project with the project's Node, and shows what it writes. Resolves with its exit code. */
export async function runNode(args, { env, service } = {}) {
  const node = await ensureNode()
  const { status } = await run(node, args, { cwd: root, env: { ...nodeEnv(), ...env }, service })
  return status
}

/**
 * Runs one step of a command; its output is shown when it fails.
 * @throws {StepFailed}
 */
export async function tool(what, args, advice = '') {
  const node = await ensureNode()
  const { output, status } = await during(what, () => run(node, args, { cwd: root, held: true, env: nodeEnv() }))
  if (status !== 0) throw new StepFailed(`${output}\n${what} failed. ${advice}`)
}
