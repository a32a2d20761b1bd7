/** The program of a task's process: loads a module, runs its `task` once, answers over its channel. */
import type { Task, TaskReply } from './task.ts'

const [, , module = ''] = process.argv

process.once('message', (order) => {
  answer(order).then(
    (reply) => process.send?.(reply),
    () => process.exit(1),
  )
})
// A parent that ended in whatever way leaves nobody behind.
process.on('disconnect', () => process.exit())

async function answer(order: unknown): Promise<TaskReply> {
  try {
    const { task } = (await import(module)) as { task: Task }
    return { value: await task(order as never) }
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
