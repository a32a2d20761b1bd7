import type { PairView, Recovery, Span, WorkerView } from '../pair/pair-view.ts'

/** A piece of a lane: what it means, and from where to where, in milliseconds before now. */
export interface Piece {
  readonly kind: 'alive' | 'answered' | 'failed' | 'asking' | 'lost' | 'waiting' | 'killed'
  readonly from: number
  readonly to: number
}

/** The mark of an end would be too thin to be seen otherwise. */
const markMs = 250

/** What there is to draw of a process's latest past, from the back to the front. */
export function piecesOf(worker: WorkerView, recovery: Recovery | undefined, now: number): Piece[] {
  const ago = ({ from, to = now }: Span): { from: number; to: number } => ({ from: now - from, to: now - to })
  const waits =
    recovery?.by === worker.name
      ? [{ kind: 'waiting' as const, ...ago({ from: recovery.killedAt, to: recovery.tookOverAt ?? now }) }]
      : []
  const asks = worker.asks.map((ask): Piece => ({
    kind: ask.end === 'killed' ? 'lost' : (ask.end ?? 'asking'),
    ...ago(ask),
  }))
  const ends = worker.asks.flatMap(({ end, to }) =>
    end === 'killed' && to !== undefined ? [{ kind: 'killed' as const, ...ago({ from: to, to: to + markMs }) }] : [],
  )
  return [...worker.lives.map((life) => ({ kind: 'alive' as const, ...ago(life) })), ...waits, ...asks, ...ends]
}

/** The lane in words. */
export function laneLabel({ name, asks }: WorkerView): string {
  const answered = asks.filter(({ end }) => end === 'answered').length
  const lost = asks.filter(({ end }) => end === 'killed').length
  return `Process ${name}: ${answered} refreshes in the time shown${lost > 0 ? `, ${lost} ended by SIGKILL` : ''}`
}

const svgNamespace = 'http://www.w3.org/2000/svg'

/** The two lanes; time runs to the left. */
export class Lanes {
  readonly #windowMs: number
  readonly #lanes: ReadonlyMap<string, SVGSVGElement>

  constructor(windowMs: number) {
    this.#windowMs = windowMs
    this.#lanes = new Map(
      [...document.querySelectorAll<SVGSVGElement>('svg[data-lane]')].map((lane) => [lane.dataset['lane'] ?? '', lane]),
    )
  }

  draw({ recovery, workers }: PairView, now: number): void {
    for (const worker of workers) {
      const lane = this.#lanes.get(worker.name)
      if (lane === undefined) continue
      lane.replaceChildren(...piecesOf(worker, recovery, now).flatMap((piece) => this.#rectangle(piece)))
      const label = laneLabel(worker)
      if (lane.getAttribute('aria-label') !== label) lane.setAttribute('aria-label', label)
    }
  }

  #rectangle({ from, kind, to }: Piece): SVGRectElement[] {
    const start = Math.max(0, this.#windowMs - from)
    const end = Math.min(this.#windowMs, this.#windowMs - to)
    if (end <= start) return []
    const rectangle = document.createElementNS(svgNamespace, 'rect')
    const [y, height] = kind === 'alive' ? [11, 2] : kind === 'killed' ? [1, 22] : [5, 14]
    const attributes = { class: kind, x: start, width: end - start, y, height }
    for (const [name, value] of Object.entries(attributes)) rectangle.setAttribute(name, String(value))
    return [rectangle]
  }
}
