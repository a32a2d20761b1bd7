import type { LiveView } from '../live/live-view.ts'
import type { TokenLife } from '../live/token-life.ts'
import { announce, find, findShape, make, setText, wantsStillness } from './dom.ts'
import { clockTime, howLong, lifeState, secondsUntil, whatHappened } from './wording.ts'

const frameMs = 100
const stillFrameMs = 1000

/** The countdown, and the list of what happened to the token. */
export class Life {
  readonly #section = find('#life')
  readonly #seconds = find('#seconds')
  readonly #state = find('#state')
  readonly #shown = find('#shown')
  readonly #fingerprint = find('#fingerprint')
  readonly #trouble = find('#trouble')
  readonly #timeline = find('#timeline')
  readonly #nothingYet = find('#nothing-yet')
  readonly #hand = findShape('#hand')
  #life: TokenLife | undefined
  /** How far the server's clock is ahead of this one. */
  #ahead = 0
  #newest = 0

  constructor() {
    setInterval(() => this.#tick(), wantsStillness() ? stillFrameMs : frameMs)
  }

  show({ life, now, timeline, trouble }: LiveView): void {
    this.#ahead = now - Date.now()
    const renewed = this.#life !== undefined && life !== undefined && life.fingerprint !== this.#life.fingerprint
    this.#life = life
    setText(this.#shown, life?.shown ?? '–')
    setText(this.#fingerprint, life?.fingerprint ?? '–')
    this.#trouble.hidden = trouble === undefined
    setText(this.#trouble, trouble ?? '')
    this.#showTimeline(timeline)
    if (life !== undefined) this.#drawZones(life)
    this.#tick()
    if (renewed) this.#celebrate()
  }

  #showTimeline(timeline: LiveView['timeline']): void {
    const [latest] = timeline
    this.#nothingYet.hidden = latest !== undefined
    const before = this.#newest
    this.#newest = latest?.at ?? 0
    if (this.#newest === before && timeline.length === this.#timeline.children.length) return
    const items = timeline.map((entry) =>
      make(
        'li',
        { 'data-kind': entry.kind, ...(before > 0 && entry.at > before && { class: 'new' }) },
        make('time', { datetime: new Date(entry.at).toISOString() }, clockTime(entry.at)),
        ' ',
        make('span', { class: 'why' }, whatHappened(entry)),
        ' ',
        make('span', { class: 'long' }, howLong(entry)),
      ),
    )
    this.#timeline.replaceChildren(...items)
    if (before > 0 && latest !== undefined) announce(`${whatHappened(latest)}. ${howLong(latest)}`)
  }

  #drawZones({ earlyAt, expiresAt, receivedAt, spentAt }: TokenLife): void {
    const share = (at: number): number => percent((at - receivedAt) / (expiresAt - receivedAt))
    drawArc('fresh', 0, share(earlyAt))
    drawArc('early', share(earlyAt), share(spentAt))
    drawArc('spent', share(spentAt), 100)
  }

  #tick(): void {
    const life = this.#life
    if (life === undefined) {
      this.#section.dataset['state'] = 'unknown'
      setText(this.#state, 'not to be had just now')
      setText(this.#seconds, '–')
      return
    }
    const now = Date.now() + this.#ahead
    const state = lifeState(life, now)
    const passed = percent((now - life.receivedAt) / (life.expiresAt - life.receivedAt))
    this.#section.dataset['state'] = state
    setText(this.#state, state)
    setText(this.#seconds, String(secondsUntil(life.expiresAt, now)))
    drawArc('passed', 0, passed)
    this.#hand.setAttribute('transform', `rotate(${passed * 3.6} 100 100)`)
  }

  #celebrate(): void {
    this.#section.classList.remove('renewed')
    // Read so that the browser begins the animation anew.
    void this.#section.offsetWidth
    this.#section.classList.add('renewed')
  }
}

function drawArc(name: string, from: number, to: number): void {
  findShape(`#arc-${name}`).setAttribute('stroke-dasharray', `0 ${from} ${Math.max(0, to - from)} 100`)
}

function percent(share: number): number {
  return Math.min(100, Math.max(0, share * 100))
}
