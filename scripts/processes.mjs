import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * @typedef {object} SystemProcess
 * @property {number} pid
 * @property {number} parent
 * @property {number} group
 * @property {string} started tells it from a later process with the same id
 * @property {string} command
 */

/** All processes of the system that still run; none on Windows, where `taskkill` knows them.
 * @returns {SystemProcess[]} */
export function processes() {
  if (process.platform === 'linux') return fromProc()
  return process.platform === 'win32' ? [] : fromPs()
}

/** The processes that descend from this one, without itself.
 * @param {number} pid
 * @returns {SystemProcess[]} */
export function descendantsOf(pid, all = processes()) {
  const children = all.filter(({ parent }) => parent === pid)
  return children.flatMap((child) => [child, ...descendantsOf(child.pid, all)])
}

/** The parent of a process where that is cheap to learn; undefined elsewhere, and when it has ended.
 * @param {number} pid */
export function parentOf(pid) {
  if (process.platform !== 'linux') return undefined
  try {
    return Number(fieldsOf(pid)[1])
  } catch {
    return undefined
  }
}

/** What the system says of a process after its name: state, parent, group and so on. */
function fieldsOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold anything.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

/** Debian's smallest images have no `ps`. */
function fromProc() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [state, parent, group, ...rest] = fieldsOf(name)
        if (state === 'Z' || state === 'X') return []
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return [{ pid: Number(name), parent: Number(parent), group: Number(group), started: rest[16], command }]
      } catch {
        return []
      }
    })
}

function fromPs() {
  const columns = 'pid=,ppid=,pgid=,stat=,lstart=,command='
  const { stdout } = spawnSync('ps', ['-A', '-o', columns], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  return (stdout ?? '').split('\n').flatMap((line) => {
    const [, pid, parent, group, state, started, command] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(line) ?? []
    if (pid === undefined || state.startsWith('Z')) return []
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), started, command }]
  })
}
