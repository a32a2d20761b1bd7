import type { LiveView } from '../live/live-view.ts'
import { startActions } from './actions.ts'
import { find, setText } from './dom.ts'
import { Faults } from './faults.ts'
import type { PairView } from '../pair/pair-view.ts'
import { Life } from './life.ts'
import { Pair } from './pair.ts'
import { startStorm } from './storm.ts'

document.documentElement.dataset['script'] = 'on'

const life = new Life()
const faults = document.querySelector('#faults') === null ? undefined : new Faults()
const pair = document.querySelector('#processes') === null ? undefined : new Pair()
startActions()
if (document.querySelector('#storm') !== null) startStorm()

const source = new EventSource('/live')
source.addEventListener('message', ({ data }: MessageEvent<string>) => {
  const view = JSON.parse(data) as LiveView
  if (view.ended) {
    // The server says what has ended, and what to do.
    source.close()
    location.reload()
    return
  }
  life.show(view)
  if (view.lab !== undefined) faults?.show(view.lab, view.now)
})
source.addEventListener('pair', ({ data }: MessageEvent<string>) => pair?.show(JSON.parse(data) as PairView))
// The page is about to be left: news of what the form ends must not reload it first.
document.addEventListener('submit', () => source.close())
source.addEventListener('error', () => {
  const trouble = find('#trouble')
  trouble.hidden = false
  setText(trouble, 'The connection to the demo is lost; trying again.')
})
