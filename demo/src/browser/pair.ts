import type { PairView, WorkerView } from '../pair/pair-view.ts'
import { announce, find, make, setText, wantsStillness } from './dom.ts'
import { Lanes } from './pair-lanes.ts'
import { pairEntryText, pairEntryTime, pairVerdict, workerState } from './pair-wording.ts'
import { clockTime, secondsUntil } from './wording.ts'

const frameMs = 100
const stillFrameMs = 1000

/** The two processes: their cards, their lanes, and what became of their grant. */
export class Pair {
  readonly #section = find('#processes')
  readonly #switch = find('#pair-switch')
  readonly #kill = find('#pair-kill')
  readonly #note = find('#pair-note')
  readonly #verdict = find('#pair-verdict')
  readonly #timeline = find('#pair-timeline')
  readonly #counts = find('#pair-counts')
  readonly #lanes = new Lanes(Number(this.#section.dataset['window']))
  #view: PairView | undefined
  /** How far the server's clock is ahead of this one. */
  #ahead = 0
  #newest = ''

  constructor() {
    this.#switch.addEventListener('click', () =>
      this.#send(this.#view?.state === 'running' ? 'off' : 'on', this.#switch),
    )
    this.#kill.addEventListener('click', () => this.#send('kill', this.#kill))
    setInterval(() => this.#tick(), wantsStillness() ? stillFrameMs : frameMs)
  }

  show(view: PairView): void {
    this.#view = view
    this.#ahead = view.now - Date.now()
    const { armed, state, workers } = view
    this.#section.dataset['state'] = state
    setText(this.#switch, state === 'off' ? 'Start two processes' : 'Stop both')
    setDisabled(this.#switch, state === 'starting')
    const canKill = state === 'running' && !armed && workers.every(isAtWork)
    setDisabled(this.#kill, !canKill)
    setText(this.#kill, armed ? 'Waiting for a refresh…' : 'Kill the one that refreshes')
    const { good, text } = pairVerdict(view)
    if (good === undefined) delete this.#verdict.dataset['good']
    else this.#verdict.dataset['good'] = String(good)
    setText(this.#verdict, text)
    for (const worker of workers) showWorker(worker)
    this.#showCounts(view)
    this.#showTimeline(view)
    this.#tick()
  }

  #send(action: 'on' | 'off' | 'kill', button: HTMLElement): void {
    if (button.getAttribute('aria-disabled') === 'true') return
    setDisabled(button, true)
    // What came of it arrives with everything else that is live.
    void fetch(`/processes/${action}`, { method: 'POST' }).catch(() => setDisabled(button, false))
  }

  #tick(): void {
    const view = this.#view
    if (view === undefined) return
    const now = Date.now() + this.#ahead
    if (view.state === 'running') this.#lanes.draw(view, now)
    setText(this.#note, view.endsAt === undefined ? '' : `Ends by itself in ${secondsUntil(view.endsAt, now)} s.`)
  }

  #showCounts({ alive, counters, workers }: PairView): void {
    if (workers.length === 0) return
    for (const [name, value] of Object.entries(counters)) {
      const element = this.#counts.querySelector(`[data-count="${name}"]`)
      if (element !== null) setText(element, String(value))
    }
    const grant = find('[data-count=grant]', this.#counts)
    setText(grant, alive ? 'alive' : 'over')
    grant.dataset['alive'] = String(alive)
    find('[data-count=failed]', this.#counts).dataset['alive'] = String(counters.failed === 0)
  }

  #showTimeline({ timeline }: PairView): void {
    const text = JSON.stringify(timeline)
    if (text === this.#newest) return
    this.#newest = text
    this.#timeline.replaceChildren(
      ...timeline.map((entry) =>
        make(
          'li',
          { 'data-kind': entry.kind === 'killed' ? 'dead' : entry.kind === 'took_over' ? 'failed' : entry.kind },
          make('time', { datetime: new Date(entry.at).toISOString() }, clockTime(entry.at)),
          ' ',
          make('span', { class: 'why' }, pairEntryText(entry)),
          ' ',
          make('span', { class: 'long' }, pairEntryTime(entry)),
        ),
      ),
    )
    const [latest] = timeline
    // Each renewal would be too much talk; what a kill leads to is why somebody is here.
    if (latest?.kind === 'killed' || latest?.kind === 'took_over') announce(pairEntryText(latest))
  }
}

function isAtWork({ state }: WorkerView): boolean {
  return state === 'calling' || state === 'refreshing'
}

function showWorker(worker: WorkerView): void {
  const { beats, callsPerSecond, fingerprint, name, pid, refreshes, state } = worker
  const root = find(`#pair-${name}`)
  root.dataset['state'] = state
  const field = (part: string): HTMLElement => find(`[data-part=${part}]`, root)
  setText(field('pid'), pid === undefined ? '–' : String(pid))
  setText(field('state'), workerState(worker))
  setText(field('token'), fingerprint ?? '–')
  setText(field('rate'), `${callsPerSecond.toFixed(1)} a second`)
  setText(field('refreshes'), String(refreshes))
  const picture = field('beats')
  picture.replaceChildren(...beats.map((ok) => make('i', { 'data-ok': String(ok) })))
  const failed = beats.filter((ok) => !ok).length
  const label =
    beats.length === 0
      ? 'No calls yet'
      : `The last ${beats.length} calls: ${beats.length - failed} answered, ${failed} failed`
  if (picture.getAttribute('aria-label') !== label) picture.setAttribute('aria-label', label)
}

function setDisabled(button: HTMLElement, isDisabled: boolean): void {
  // A disabled button would lose the focus.
  button.setAttribute('aria-disabled', String(isDisabled))
}
