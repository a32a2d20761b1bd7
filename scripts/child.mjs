/**
 * Runs programs that end with this process. Each leads a process group of its own: a signal to this process ends the program in
 * order, then all that is left of its group and its descendants.
 */
import { spawn, spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'

import { descendantsOf, parentOf, processes } from './processes.mjs'
import { removeTemporaryFolder, temporaryEnv } from './temporary.mjs'

const WINDOWS = process.platform === 'win32'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** A program that has not ended after this long is killed. */
const LATE_MS = 10_000
/** What a program leaves behind ends without help in this time, or is ended. */
const LEFTOVERS_MS = 2000
/** How often this process looks whether npm still runs. */
const PARENT_MS = 200

const running = new Map()
let watching = false
let interrupted

/**
 * Runs a program, and resolves when it and all that it started have ended.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, held?: boolean, service?: boolean }} [options]
 *   `held`: its output is returned instead of shown; `service`: a signal is its ordinary end, so that exit code 0 stays 0
 * @returns {Promise<{ status: number, output: string }>}
 */
export async function run(command, args, { cwd, env, held = false, service = false } = {}) {
  watchSignals()
  const child = spawn(command, args, {
    cwd,
    // Without a terminal of its own Ctrl+C reaches this process alone, which passes it on once.
    detached: !WINDOWS,
    env: { ...process.env, ...temporaryEnv(), ...env },
    stdio: held ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    windowsHide: true,
  })
  const state = { child, known: [], late: undefined }
  running.set(child, state)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => (output += text))
  }
  const status = await new Promise((resolve) => {
    child.once('error', (error) => {
      output += `${command}: ${error.message}\n`
      resolve(127)
    })
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
  clearTimeout(state.late)
  await endLeftovers(state)
  running.delete(child)
  if (interrupted !== undefined) finish(service && status === 0 ? 0 : 128 + constants.signals[interrupted])
  return { status, output }
}

/** Ends this process, and removes its temporary folder. */
export function finish(status) {
  removeTemporaryFolder()
  process.exit(status)
}

function watchSignals() {
  if (watching) return
  watching = true
  for (const signal of SIGNALS) process.on(signal, () => interrupt(signal))
  if (process.env.npm_lifecycle_event !== undefined) watchNpm()
}

/** npm passes a signal to its shell only, and not every shell passes it on. That npm or the shell ended says the same. */
function watchNpm() {
  const above = () => `${process.ppid} ${parentOf(process.ppid)}`
  const before = above()
  const timer = setInterval(() => {
    if (above() === before) return
    clearInterval(timer)
    interrupt('SIGTERM')
  }, PARENT_MS)
  timer.unref()
}

function interrupt(signal) {
  const again = interrupted !== undefined
  interrupted ??= signal
  if (running.size === 0) finish(128 + constants.signals[signal])
  for (const state of running.values()) {
    // A terminal's Ctrl+C may come twice: from the terminal and from npm.
    if (again && Date.now() - state.asked > 500) killGroup(state)
    else if (!again) askToEnd(state)
  }
}

function askToEnd(state) {
  state.asked = Date.now()
  state.known = WINDOWS ? [] : descendantsOf(state.child.pid)
  // On Windows Ctrl+C has reached the program already, and nothing else ends it in order.
  if (!WINDOWS) state.child.kill('SIGTERM')
  state.late = setTimeout(() => killGroup(state), LATE_MS)
}

function killGroup({ child }) {
  if (WINDOWS) spawnSync('taskkill', ['/pid', `${child.pid}`, '/T', '/F'], { stdio: 'ignore' })
  else signal(-child.pid, 'SIGKILL')
}

async function endLeftovers(state) {
  if (WINDOWS || state.child.pid === undefined) return
  if (await goneWithin(state, LEFTOVERS_MS)) return
  for (const { pid } of leftovers(state)) signal(pid, 'SIGTERM')
  if (await goneWithin(state, LATE_MS)) return
  for (const { pid } of leftovers(state)) signal(pid, 'SIGKILL')
  await goneWithin(state, LEFTOVERS_MS)
}

async function goneWithin(state, limitMs) {
  const deadline = Date.now() + limitMs
  while (leftovers(state).length > 0) {
    if (Date.now() > deadline) return false
    await pause(50)
  }
  return true
}

/** What is left of the program's group, and of the descendants that had left the group. */
function leftovers({ child, known }) {
  const was = new Set(known.map(({ pid, started }) => `${pid} ${started}`))
  return processes().filter(({ group, pid, started }) => group === child.pid || was.has(`${pid} ${started}`))
}

function signal(pid, name) {
  try {
    process.kill(pid, name)
  } catch {
    // It has ended.
  }
}
