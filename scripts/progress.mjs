/** What is in progress, in the order in which it began. */
const running = new Set()
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
/** How often work that takes long is mentioned where lines don't move, in milliseconds. */
const REMIND_MS = 30_000

const out = process.stderr
let timer
let frame = 0
let drawn = false

/**
 * Shows that work is in progress until it has ended: a line that moves on a terminal, plain lines elsewhere.
 * @template T
 * @param {string} what a phrase such as 'Checking types'
 * @param {(update: (detail: string) => void) => Promise<T>} work `update` adds how far it is
 * @param {number} [everyMs] how often the line moves
 * @returns {Promise<T>}
 */
export async function during(what, work, everyMs = 100) {
  const item = { what, detail: '', began: Date.now(), reminded: Date.now() }
  running.add(item)
  if (!out.isTTY) out.write(`${what}…\n`)
  timer ??= setInterval(tick, out.isTTY ? everyMs : 1000).unref()
  try {
    return await work((detail) => (item.detail = detail))
  } finally {
    running.delete(item)
    const seconds = (Date.now() - item.began) / 1000
    if (seconds >= 1) say(`${what}: ${seconds.toFixed(1)} s`, out)
    else clear()
    if (running.size === 0) timer = clearInterval(timer)
  }
}

/** Prints a line, above the one that moves. */
export function say(text, stream = process.stdout) {
  clear()
  stream.write(`${text}\n`)
}

function tick() {
  if (out.isTTY) draw()
  else for (const item of running) remind(item)
}

function draw() {
  frame += 1
  const text = [...running].map(line).join(' · ')
  const width = (out.columns ?? 80) - 3
  out.write(`\r\u001B[K${FRAMES[frame % FRAMES.length]} ${text.slice(0, width)}`)
  drawn = true
}

function clear() {
  if (drawn) out.write('\r\u001B[K')
  drawn = false
}

function remind(item) {
  if (Date.now() - item.reminded < REMIND_MS) return
  item.reminded = Date.now()
  out.write(`${line(item)}\n`)
}

const line = ({ began, detail, what }) =>
  `${what}… ${Math.round((Date.now() - began) / 1000)} s${detail === '' ? '' : `, ${detail}`}`
