import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { TYPE_FLAGS } from '../../../scripts/type-flags.mjs'

/** A module's measurement: it is told what to measure, and answers with what it found. Both are copied from process to process. */
export type Task = (order: never) => Promise<unknown>

/** What a task's process answers. */
export type TaskReply = { readonly value: unknown } | { readonly error: string }

/**
 * Runs the `task` that a module exports, in a fresh process, which has loaded and compiled nothing for another contestant.
 * `module` is its URL. The process ends when the task has answered.
 */
export async function runTask<T extends Task>(module: URL, order: Parameters<T>[0]): Promise<Awaited<ReturnType<T>>> {
  const child = fork(join(import.meta.dirname, 'task-process.ts'), [module.href], {
    execArgv: ['--expose-gc'],
    env: { ...process.env, NODE_OPTIONS: TYPE_FLAGS },
    serialization: 'advanced',
  })
  const gone = once(child, 'exit')
  const reply = await new Promise<TaskReply>((resolve) => {
    child.once('message', (message) => resolve(message as TaskReply))
    child.once('exit', (code, signal) =>
      resolve({ error: `The process of ${module.pathname} ended with ${code ?? signal}.` }),
    )
    child.send(order)
  })
  child.kill('SIGKILL')
  await gone
  if ('error' in reply) throw new Error(reply.error)
  return reply.value as Awaited<ReturnType<T>>
}
