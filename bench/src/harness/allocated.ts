import { GCProfiler } from 'node:v8'

/**
 * Bytes that `work` allocates on V8's heap. What is collected meanwhile is counted too, so it may run as long as it likes.
 * Needs a process with `--expose-gc`, as a task's is.
 */
export async function allocatedBytes(work: () => Promise<unknown>): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('Expected a process with --expose-gc.')
  globalThis.gc()
  const profiler = new GCProfiler()
  profiler.start()
  const before = process.memoryUsage().heapUsed
  await work()
  const after = process.memoryUsage().heapUsed
  const { statistics } = profiler.stop()
  const collected = statistics.map(
    ({ afterGC, beforeGC }) => beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
  )
  return after - before + collected.reduce((sum, bytes) => sum + bytes, 0)
}
