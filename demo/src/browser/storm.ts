import type { StormResult } from '../storm/storm.ts'
import type { StormCall, StormSide } from '../storm/storm-side.ts'
import { find, setText, wantsStillness } from './dom.ts'

/** A storm takes a tenth of a second, and is shown over this time. */
const replayMs = 3200

interface SideElements {
  readonly dots: readonly HTMLElement[]
  readonly picture: HTMLElement
  readonly redemptions: HTMLElement
  readonly answered: HTMLElement
  readonly grant: HTMLElement
  readonly verdict: HTMLElement
}

/** Starts a storm when its button is pressed. */
export function startStorm(): void {
  const button = find('#storm-start')
  const note = find('#storm-note')
  const sides = { usual: elementsOf('usual'), evergrant: elementsOf('evergrant') }
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') === 'true') return
    // A disabled button would lose the focus.
    button.setAttribute('aria-disabled', 'true')
    void run(sides, note).finally(() => button.removeAttribute('aria-disabled'))
  })
}

async function run(sides: Readonly<Record<'usual' | 'evergrant', SideElements>>, note: HTMLElement): Promise<void> {
  for (const side of Object.values(sides)) clear(side)
  setText(note, 'Running…')
  try {
    const response = await fetch('/storm', { method: 'POST', headers: { accept: 'application/json' } })
    if (!response.ok) throw new Error(`status ${response.status}`)
    const result = (await response.json()) as StormResult
    const longest = Math.max(result.usual.durationMs, result.evergrant.durationMs, 1)
    const slower = wantsStillness() ? 0 : replayMs / longest
    setText(note, slower > 1 ? `Shown ${Math.round(slower)} times slower than real time.` : '')
    await Promise.all([replay(sides.usual, result.usual, slower), replay(sides.evergrant, result.evergrant, slower)])
    setText(note, `The usual code took ${result.usual.durationMs} ms, Evergrant ${result.evergrant.durationMs} ms.`)
  } catch {
    setText(note, 'The storm did not happen: the demo sent an unexpected response.')
  }
}

function elementsOf(name: string): SideElements {
  const root = find(`#storm-${name}`)
  return {
    dots: [...root.querySelectorAll<HTMLElement>('.dots i')],
    picture: find('.dots', root),
    redemptions: find('[data-count=redemptions]', root),
    answered: find('[data-count=answered]', root),
    grant: find('[data-count=grant]', root),
    verdict: find('[data-verdict]', root),
  }
}

function clear({ answered, dots, grant, picture, redemptions, verdict }: SideElements): void {
  for (const dot of dots) dot.dataset['state'] = 'waiting'
  picture.setAttribute('aria-label', `${dots.length} calls, in progress`)
  for (const count of [answered, redemptions]) setText(count, '0')
  setText(grant, '…')
  setText(verdict, '')
  delete grant.dataset['alive']
  delete verdict.dataset['good']
}

/** Shows the course of a side, `slower` times slower. With 0, it shows the result at once. */
async function replay(elements: SideElements, side: StormSide, slower: number): Promise<void> {
  const start = performance.now()
  const end = side.durationMs * slower
  for (;;) {
    const passed = performance.now() - start
    draw(elements, side, passed >= end ? Infinity : passed / slower)
    if (passed >= end) break
    await new Promise(requestAnimationFrame)
  }
  const { alive, answered, calls, verdict } = side
  setText(elements.redemptions, String(side.redemptions))
  setText(elements.grant, alive ? 'active' : 'revoked')
  elements.grant.dataset['alive'] = String(alive)
  elements.verdict.dataset['good'] = String(alive)
  setText(elements.verdict, verdict)
  elements.picture.setAttribute(
    'aria-label',
    `${calls.length} calls: ${answered} succeeded, ${calls.length - answered} failed`,
  )
}

function draw({ answered, dots, redemptions }: SideElements, { askedAt, calls }: StormSide, now: number): void {
  for (const [index, call] of calls.entries()) {
    const dot = dots[index]
    if (dot !== undefined) dot.dataset['state'] = stateOf(call, now)
  }
  setText(redemptions, String(askedAt.filter((at) => at <= now).length))
  setText(answered, String(calls.filter((call) => call.answered && call.endedAt <= now).length))
}

function stateOf({ answered, askedAt, endedAt }: StormCall, now: number): string {
  if (now >= endedAt) return answered ? 'answered' : 'failed'
  return askedAt !== undefined && now >= askedAt ? 'asking' : 'waiting'
}
