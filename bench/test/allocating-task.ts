import { allocatedBytes } from '../src/tasks/token-task.ts'

let last: unknown

/** Allocates so many arrays, of which only the last is kept. */
export async function task(order: {
  readonly objects: number
  readonly elements: number
}): Promise<{ readonly bytes: number }> {
  const allocate = async (): Promise<void> => {
    for (let index = 0; index < order.objects; index += 1) last = Array.from({ length: order.elements }).fill(index)
  }
  await allocate()
  const bytes = await allocatedBytes(allocate)
  if (last === undefined) throw new Error('Expected something to be allocated.')
  return { bytes }
}
