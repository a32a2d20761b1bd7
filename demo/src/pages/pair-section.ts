import { html } from 'hono/html'
import { seconds } from '../browser/pair-wording.ts'
import { pairTimes } from '../pair/pair-times.ts'
import type { Html } from './layout.ts'

/** Two processes on one grant, and a button that ends the one that is refreshing. */
export function pairSection(): Html {
  return html`<section
    class="processes"
    id="processes"
    data-state="off"
    data-window="${pairTimes.windowMs}"
    aria-labelledby="processes-title"
  >
    <header class="head">
      <h2 id="processes-title">Two processes, one grant</h2>
      <p>
        Two worker processes share a throw-away grant through the store; neither knows of the other. Their provider
        replaces the refresh token at once and answers late, so that a refresh can be ended in the middle: the refresh
        token is spent then, and the new one dies with the process that waited for it.
      </p>
    </header>
    <dl class="times">
      ${times().map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <p class="run needs-script">
      <button class="big" id="pair-switch" aria-disabled="true">Start two processes</button>
      <button class="big danger" id="pair-kill" aria-disabled="true">Kill the one that refreshes</button>
      <span class="soft" id="pair-note"></span>
    </p>
    <noscript><p class="soft">The two processes need JavaScript.</p></noscript>
    <p class="verdict needs-script" id="pair-verdict" aria-live="polite">Start the two to begin.</p>
    <div class="workers needs-script">${worker('A')} ${worker('B')}</div>
    <figure class="lanes card needs-script">
      <figcaption>Refreshes in the last ${pairTimes.windowMs / 1000} seconds</figcaption>
      ${lane('A')} ${lane('B')}
      <ul class="legend" aria-hidden="true">
        <li data-kind="answered">renewed</li>
        <li data-kind="asking">refreshing now</li>
        <li data-kind="lost">ended by SIGKILL</li>
        <li data-kind="waiting">lease and settle time</li>
      </ul>
    </figure>
    <dl class="counts needs-script" id="pair-counts">
      ${count('redemptions', 'Redemptions')} ${count('refreshes', 'New tokens saved')} ${count('lost', 'Answers lost')}
      ${count('reuseDetections', 'Reuse detected')} ${count('failed', 'Failed calls')} ${count('grant', 'Grant')}
    </dl>
    <ol class="timeline needs-script" id="pair-timeline" aria-label="What the two processes did"></ol>
  </section>`
}

function times(): [string, string][] {
  const { answerMs, earlyMs, graceMs, leaseMs, lifetimeMs, settleMs, timeoutMs } = pairTimes
  return [
    ['A token lives', seconds(lifetimeMs)],
    ['renewed after', seconds(lifetimeMs - earlyMs)],
    ['an answer takes', seconds(answerMs)],
    ['its deadline', seconds(timeoutMs)],
    ['lease', seconds(leaseMs)],
    ['settle time', seconds(settleMs)],
    ['a repeat is forgiven for', seconds(graceMs)],
  ]
}

function worker(name: 'A' | 'B'): Html {
  return html`<article class="card worker" id="pair-${name}" data-state="off" aria-labelledby="pair-${name}-title">
    <header>
      <h3 id="pair-${name}-title">Process ${name}</h3>
      <p class="badge" data-part="state">not running</p>
    </header>
    <p class="beats" data-part="beats" role="img" aria-label="No calls yet"></p>
    <dl>
      <div>
        <dt>Process id</dt>
        <dd data-part="pid">–</dd>
      </div>
      <div>
        <dt>Calls</dt>
        <dd data-part="rate">–</dd>
      </div>
      <div>
        <dt>Token</dt>
        <dd data-part="token">–</dd>
      </div>
      <div>
        <dt>Renewed</dt>
        <dd data-part="refreshes">–</dd>
      </div>
    </dl>
  </article>`
}

function lane(name: 'A' | 'B'): Html {
  return html`<div class="lane">
    <span aria-hidden="true">${name}</span>
    <svg
      data-lane="${name}"
      viewBox="0 0 ${pairTimes.windowMs} 24"
      preserveAspectRatio="none"
      role="img"
      aria-label="Process ${name}: nothing yet"
    ></svg>
  </div>`
}

function count(name: string, label: string): Html {
  return html`<div>
    <dt>${label}</dt>
    <dd data-count="${name}">–</dd>
  </div>`
}
