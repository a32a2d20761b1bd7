import { html } from 'hono/html'
import { clockTime, howLong, lifeState, secondsUntil, whatHappened } from '../browser/wording.ts'
import type { LiveView } from '../live/live-view.ts'
import type { TokenLife } from '../live/token-life.ts'
import type { Html } from './layout.ts'

export interface LifeSectionView {
  readonly view: LiveView
  readonly providerTitle: string
}

/** The token's life as a countdown, and what happened to it. */
export function lifeSection({ view, providerTitle }: LifeSectionView): Html {
  const { life, now, timeline, trouble } = view
  const state = life === undefined ? 'unknown' : lifeState(life, now)
  return html`<section class="life" id="life" data-state="${state}" aria-labelledby="life-title">
    <div class="dial">
      ${dial(life, now)}
      <p class="left" role="timer" aria-label="Seconds until the access token expires">
        <b id="seconds">${life === undefined ? '–' : secondsUntil(life.expiresAt, now)}</b>
        <span>seconds left</span>
      </p>
    </div>
    <div class="story">
      <h1 id="life-title">Your access token is <em id="state">${state}</em></h1>
      <p class="lead">
        It came from
        ${providerTitle}${life === undefined ? '' : html` and lives for ${Math.round((life.expiresAt - life.receivedAt) / 1000)} seconds`}.
        Leave this page open and do nothing: it is renewed before anybody has to wait for it.
      </p>
      <p class="trouble" id="trouble" ${trouble === undefined ? 'hidden' : ''}>${trouble ?? ''}</p>
      <ol class="zones">
        <li data-zone="fresh"><strong>fresh</strong> <span>handed out at once</span></li>
        <li data-zone="early"><strong>early</strong> <span>handed out at once, renewed meanwhile</span></li>
        <li data-zone="spent"><strong>spent</strong> <span>callers wait for the new one</span></li>
      </ol>
      <p class="token">
        <span>Token</span> <code id="shown">${life?.shown ?? '–'}</code> <span>fingerprint</span>
        <code id="fingerprint">${life?.fingerprint ?? '–'}</code>
      </p>
    </div>
    <div class="history">
      <h2>What happened to it</h2>
      <ol class="timeline" id="timeline">
        ${timeline.map(
          (entry) =>
            html`<li data-kind="${entry.kind}">
              <time datetime="${new Date(entry.at).toISOString()}">${clockTime(entry.at)}</time>
              <span class="why">${whatHappened(entry)}</span> <span class="long">${howLong(entry)}</span>
            </li>`,
        )}
      </ol>
      <p class="soft" id="nothing-yet" ${timeline.length > 0 ? 'hidden' : ''}>
        Nothing yet: it is the token that came with the log-in.
      </p>
      <noscript>
        <p class="soft" id="no-script">
          The countdown moves with JavaScript only; what it shows is of the moment this page was made.
        </p>
      </noscript>
    </div>
  </section>`
}

/** A ring that is a whole life; what has passed lies dark over it. Lengths are in percent of the circle. */
function dial(life: TokenLife | undefined, now: number): Html {
  const whole = life === undefined ? 1 : life.expiresAt - life.receivedAt
  const share = (at: number | undefined): number =>
    life === undefined || at === undefined ? 0 : Math.min(100, Math.max(0, ((at - life.receivedAt) / whole) * 100))
  const early = life === undefined ? 100 : share(life.earlyAt)
  const spent = life === undefined ? 100 : share(life.spentAt)
  const arc = (name: string, from: number, to: number): Html =>
    html`<circle
      class="${name}"
      id="arc-${name}"
      r="88"
      cx="100"
      cy="100"
      pathLength="100"
      stroke-dasharray="0 ${from} ${Math.max(0, to - from)} 100"
    />`
  return html`<svg viewBox="0 0 200 200" aria-hidden="true">
    <g transform="rotate(-90 100 100)" fill="none" stroke-width="13">
      ${arc('fresh', 0, early)} ${arc('early', early, spent)} ${arc('spent', spent, 100)}
      ${arc('passed', 0, share(life === undefined ? undefined : now))}
    </g>
    <g id="hand" transform="rotate(${share(life === undefined ? undefined : now) * 3.6} 100 100)">
      <circle class="hand" cx="100" cy="12" r="9" />
    </g>
  </svg>`
}
