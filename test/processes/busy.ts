import { cpus } from 'node:os'

/**
 * Starts to watch all cores. The returned function returns the share of their time that was busy since then, 0 to 1.
 */
export function watchCores(): () => number {
  const before = times()
  return () => {
    const now = times()
    const all = now.all - before.all
    return all === 0 ? 0 : (now.busy - before.busy) / all
  }
}

function times(): { readonly busy: number; readonly all: number } {
  let busy = 0
  let all = 0
  for (const core of cpus()) {
    const { idle, irq, nice, sys, user } = core.times
    busy += irq + nice + sys + user
    all += idle + irq + nice + sys + user
  }
  return { busy, all }
}
