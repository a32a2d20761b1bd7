import type { LabView } from '../faults/lab-view.ts'
import { find, make, setText } from './dom.ts'
import { callerLines, labVerdict, logLines, storeRows } from './lab-wording.ts'

/** The switches, and what the caller, the log and the store saw. */
export class Faults {
  readonly #switches = [...document.querySelectorAll<HTMLButtonElement>('[data-switch]')]
  readonly #beats = find('#beats')
  readonly #verdict = find('#lab-verdict')
  readonly #caller = find('#lab-caller')
  readonly #log = find('#lab-log')
  readonly #store = find('#lab-store')

  constructor() {
    for (const button of this.#switches) {
      button.addEventListener('click', () => {
        const position = button.getAttribute('aria-checked') === 'true' ? 'off' : 'on'
        // What came of it arrives with everything else that is live.
        void fetch(`/faults/${button.dataset['switch'] ?? ''}/${position}`, { method: 'POST' }).catch(() => undefined)
      })
    }
  }

  show(lab: LabView, now: number): void {
    for (const button of this.#switches) {
      button.setAttribute('aria-checked', String(button.dataset['switch'] === lab.on))
    }
    this.#showBeats(lab)
    const verdict = labVerdict(lab)
    if (lab.store !== null) this.#verdict.dataset['good'] = String(verdict.good)
    setText(this.#verdict, verdict.text)
    this.#caller.replaceChildren(
      ...callerLines(lab).map((line) => make('li', { 'data-ok': String(line.ok) }, line.text)),
    )
    this.#log.replaceChildren(
      ...logLines(lab).map(({ fields, level, text, time }) =>
        make(
          'li',
          { 'data-level': level },
          make('span', { class: 'soft' }, time),
          ` ${level} ${text} `,
          make('span', { class: 'soft' }, fields),
        ),
      ),
    )
    this.#store.replaceChildren(
      ...storeRows(lab, now).map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
    )
  }

  #showBeats({ beats }: LabView): void {
    // Oldest first, so that the newest comes in from the right.
    this.#beats.replaceChildren(
      ...beats
        .toReversed()
        .map(({ ok, result, ms }) => make('i', { 'data-ok': String(ok), title: `${result} after ${ms} ms` })),
    )
    const good = beats.filter(({ ok }) => ok).length
    this.#beats.setAttribute(
      'aria-label',
      beats.length === 0
        ? 'No calls yet'
        : `The last ${beats.length} calls: ${good} answered, ${beats.length - good} failed`,
    )
  }
}
